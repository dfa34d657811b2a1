"""A running lab whose workers are told to record, while they send, and to stop it."""

import math

from lab.compose import traces_of
from mta.trace import files
from store import traces
from store.traces import Trace, TraceKind
from tests.fakes.running_lab import running_lab
from world.clock import SystemClock

EVERYTHING = Trace(TraceKind.ALL, "", math.inf, content=False, by="ann")
OF_B = Trace(TraceKind.DOMAIN, "b.test", math.inf, content=False, by="ann")


def test_workers_record_what_they_are_told_from_when_they_are_told(tmp_path):
    with running_lab(tmp_path) as lab:
        folder = traces_of(lab.loaded)

        def recorded():
            return list(files.read(folder))

        now = SystemClock().now
        slow = lab.submit(400)  # 40 ms each: connections are open when the word comes
        lab.wait(lambda: lab.sent(slow) > 0, "the first are sent")
        lab.store.write_now(traces.begin, [EVERYTHING], now())
        lab.wait(lambda: lab.sent(slow) == 400, "all are sent")
        lines = recorded()
        assert any("on an open connection" in each.line.text for each in lines)
        told = {each.line.subject.message_id for each in lines if each.line.subject}
        assert 0 < len(told) < 400, "those that were sent before are not told"
        assert {each.ends.lane for each in lines} <= {"127.0.1.1>a", "127.0.1.2>a"}
        accepted = {each.line.subject.message_id for each in lines if "Accepted" in each.line.text}
        assert accepted == told

        lab.store.write_now(traces.end, [(TraceKind.ALL, "")], "ann", now())
        lab.store.write_now(traces.begin, [OF_B], now())
        before = files.clear(folder)
        assert before > 0
        first = lab.submit(5, "b.test")  # workers hear of it with their next heartbeat
        lab.wait(lambda: lab.sent(first) == 5, "all are sent")
        later = lab.submit(5, "a.test", "b.test")
        lab.wait(lambda: lab.sent(later) == 10, "all are sent")
        mine = {each.id for each in lab.messages(later) if each.domain == "b.test"}
        told = {each.line.subject.message_id for each in recorded() if each.line.subject}
        assert mine <= told
        assert not told & {each.id for each in lab.messages(later) if each.domain == "a.test"}
        assert lab.down() == 0
