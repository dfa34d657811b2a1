"""traces: what an operator wants recorded is so until its end, or until it is ended."""

import math

from store import audit, traces
from store.traces import Trace, TraceKind

LANE = Trace(TraceKind.LANE, "127.0.1.1>a", math.inf, False, "ann")


def until(clock, seconds, **changed):
    of = {"kind": TraceKind.DOMAIN, "value": "a.test", "content": True, "by": "bob", **changed}
    return Trace(until=clock.now() + seconds, **of)


def test_a_trace_ends_by_itself_or_by_hand(hand, clock):
    short = until(clock, 60.0)
    assert hand.do(traces.begin, [LANE, short], clock.now()) == [short, LANE]
    clock.advance(60.0)
    assert hand.ask(traces.traces, clock.now()) == [LANE]
    keys = [(each.kind, each.value) for each in (LANE, short)]
    assert hand.do(traces.end, keys, "cid", clock.now()) == [LANE]
    assert hand.do(traces.end, keys, "cid", clock.now()) == []
    assert hand.ask(traces.traces, clock.now()) == []
    assert [each.text for each in hand.ask(audit.entries)] == [
        "lane 127.0.1.1>a is traced until it is ended: begun by ann",
        "domain a.test is traced with content for 1 min: begun by bob",
        "lane 127.0.1.1>a is not traced any more: ended by cid",
    ]


def test_another_word_for_the_same_replaces_the_first(hand, clock):
    hand.do(traces.begin, [until(clock, 60.0)], clock.now())
    longer = until(clock, 600.0, content=False, by="ann")
    assert hand.do(traces.begin, [longer], clock.now()) == [longer]


def test_everything_is_a_trace_too_and_what_is_over_is_forgotten(hand, clock):
    everything = until(clock, 5.0, kind=TraceKind.ALL, value="")
    assert str(everything) == "every lane"
    hand.do(traces.begin, [everything], clock.now())
    clock.advance(5.0)
    hand.do(traces.begin, [LANE], clock.now())
    assert hand.everything()["trace"] == [("lane", "127.0.1.1>a", math.inf, False, "ann")]
