"""What is said on connections, recorded: over real sockets, with TLS, with logins, from midway."""

import asyncio
import base64
import math

import pytest
import uvloop

from affinity.configuration import MxRule
from mail.outcome import Accepted, Broken
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.settings import Credentials, SessionSettings
from mta.session.traced import TracedTransport
from mta.trace import files
from mta.trace.tracer import Tracer
from store.traces import Trace, TraceKind
from tests.fakes.clock import FakeClock
from tests.fakes.lane_scene import LANE, SOURCE, Scene, settings_for, until
from tests.fakes.scripted_server import BYE, conversation, greeting, scripted, transaction
from tests.fakes.talking_sink import talk
from world.network import HostNetwork

EVERYTHING = Trace(TraceKind.ALL, "", math.inf, False, "ann")
PIPELINED, PLAIN = greeting("PIPELINING"), greeting()
ONE_BY_ONE = """
    C: MAIL FROM:<a@sender.test>
    S: 250 ok
    C: RCPT TO:<u{number}@y.test>
    S: 250 ok
    C: DATA
    S: 354 go
    C: (content)
    S: 250 queued
"""


@pytest.fixture
def tracer(tmp_path):
    made = Tracer(tmp_path / "traces", "m1-1", FakeClock())
    yield made
    made.close()


def told(tracer):
    """Direction, text and message of each line."""
    return [
        (each.line.direction[0], each.line.text, each.line.subject and each.line.subject.message_id)
        for each in files.read(tracer.folder)
    ]


def texts(tracer):
    return [text for _, text, _ in told(tracer)]


def played(steps, *scripts, **settings):
    """Run ``steps(scene, server)`` against a server with these conversations."""

    async def run():
        async with scripted(*scripts) as server, asyncio.TaskGroup() as tasks:
            scene = Scene(settings_for(server.port, **settings), tasks)
            await steps(scene, server)
            await scene.lanes.stop()
        server.check()
        return scene

    return asyncio.run(run())


def test_a_whole_lane_is_told_from_connecting_to_quit(tracer):
    tracer.obey([Trace(TraceKind.LANE, LANE, math.inf, False, "ann")])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(7)
        await until(lambda: scene.answers)

    played(steps, conversation(PIPELINED, transaction(), BYE))
    assert told(tracer) == [
        ("e", f"connecting from {SOURCE}", None),
        ("e", "connected", None),
        ("h", "220 mx.test ready", None),
        ("s", "EHLO mta.test", None),
        ("h", "250-mx.test", None),
        ("h", "250 PIPELINING", None),
        ("s", "MAIL FROM:<a@sender.test>", 7),
        ("s", "RCPT TO:<u7@y.test>", 7),
        ("s", "DATA", 7),
        ("h", "250 ok", 7),
        ("h", "250 ok", 7),
        ("h", "354 go", 7),
        ("s", "(6 bytes of content)", 7),
        ("h", "250 queued", 7),
        ("s", "QUIT", None),
        ("h", "221 bye", None),
        ("e", "closed by us", None),
    ]
    [ends] = {each.ends for each in files.read(tracer.folder)}
    assert (ends.worker, ends.lane, ends.connection) == ("m1-1", LANE, 1)


def test_a_server_without_pipelining_is_heard_too(tracer):
    tracer.obey([EVERYTHING])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1, 2)
        await until(lambda: len(scene.answers) == 2)

    both = (ONE_BY_ONE.format(number=number) for number in (1, 2))
    scene = played(steps, conversation(PLAIN, *both, BYE))
    assert [each for each, _ in scene.answers] == [1, 2]
    assert [text for _, text, number in told(tracer) if number == 2] == [
        "MAIL FROM:<a@sender.test>",
        "250 ok",
        "RCPT TO:<u2@y.test>",
        "250 ok",
        "DATA",
        "354 go",
        "(6 bytes of content)",
        "250 queued",
    ]


def test_another_lane_is_not_told(tracer):
    tracer.obey([Trace(TraceKind.LANE, "127.0.1.2>y", math.inf, False, "ann")])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    played(steps, conversation(PIPELINED, transaction(), BYE))
    assert told(tracer) == []
    assert not tracer.folder.exists()


@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_domain_only_its_messages_are_told_and_the_connection_on_which_they_go(
    tracer, is_first
):
    tracer.obey([Trace(TraceKind.DOMAIN, "z.*", math.inf, False, "ann")])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(*((2, 1) if is_first else (1, 2)), domains={2: "z.test"})
        await until(lambda: len(scene.answers) == 2)

    played(steps, conversation(PIPELINED, transaction(), transaction(), BYE))
    lines = told(tracer)
    assert {number for _, _, number in lines} == {None, 2}
    assert lines[0] == ("e", f"connecting from {SOURCE}", None)
    assert lines[-1] == ("e", "closed by us", None)
    assert [text for _, text, number in lines if number].count("250 queued") == 1


def test_of_a_domain_nothing_is_told_where_no_message_of_it_goes(tracer):
    tracer.obey([Trace(TraceKind.DELIVERY, "2", math.inf, False, "ann")])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    played(steps, conversation(PIPELINED, transaction(), BYE))
    assert told(tracer) == []


def test_a_connection_that_cannot_be_made_is_told_for_the_message_that_waits_for_it(tracer):
    tracer.obey([Trace(TraceKind.DELIVERY, "1", math.inf, False, "ann")])

    async def steps(scene, server):
        scene.lanes.reconfigure(settings_for(1))
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    scene = played(steps)
    assert scene.answers == [(1, Broken)]
    first, second = texts(tracer)
    assert first == f"connecting from {SOURCE}"
    assert second.startswith("failed at connect: ")


_ASKED, _REPLY = transaction().rstrip().rsplit("\n", 1)
WEDGED = f"{_ASKED}\n(hold)\n{_REPLY}"  # says nothing to the end of data until it is let
PLAIN_WEDGED = ONE_BY_ONE.format(number=1).replace("S: 250 queued", "(hold)\nS: 250 queued")


@pytest.mark.parametrize(
    ("opening", "one", "other"),
    [(PIPELINED, WEDGED, transaction()), (PLAIN, PLAIN_WEDGED, ONE_BY_ONE.format(number=2))],
)
def test_a_connection_that_hangs_is_heard_from_the_moment_that_somebody_listens(
    tracer, opening, one, other
):
    async def steps(scene, server):
        scene.put(1)
        await until(lambda: server.contents)
        tracer.obey([EVERYTHING])
        scene.lanes.trace(tracer)
        assert texts(tracer) == [
            "recording begins on an open connection: the end of data is not answered yet"
        ]
        server.go_on.set()
        await until(lambda: len(scene.answers) == 1)
        scene.put(2)
        await until(lambda: len(scene.answers) == 2)

    scene = played(steps, conversation(opening, one, other, BYE))
    assert scene.answers == [(1, Accepted), (2, Accepted)]
    lines = told(tracer)
    assert lines[1] == ("h", "250 queued", 1)
    assert ("s", "RCPT TO:<u2@y.test>", 2) in lines
    assert lines[-2] == ("h", "221 bye", None)


def test_whoever_listens_no_more_hears_no_more_and_may_begin_again(tracer):
    async def steps(scene, server):
        for number, wanted in enumerate(([EVERYTHING], [], [EVERYTHING]), 1):
            tracer.obey(wanted)
            scene.lanes.trace(tracer if wanted else None)
            scene.put(number)
            await until(lambda: len(scene.answers) == number)  # noqa: B023 - awaited in the loop

    played(steps, conversation(PIPELINED, *([transaction()] * 3), BYE))
    assert {number for _, _, number in told(tracer)} == {None, 1, 3}


def test_a_lost_connection_is_told_with_what_it_was_lost_for(tracer):
    tracer.obey([EVERYTHING])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    begun = [line for line in transaction().splitlines() if line.strip()][:-1]
    played(steps, conversation(PIPELINED, begun, "(drop)"))
    assert told(tracer)[-2:] == [
        ("e", "closed by the server", None),
        ("e", "no answer to body: connection closed by the server", 1),
    ]


def test_content_is_kept_where_it_is_wanted_and_nowhere_else(tracer):
    tracer.obey([Trace(TraceKind.DELIVERY, "1", math.inf, True, "ann"), EVERYTHING])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    played(steps, conversation(PIPELINED, transaction(), BYE))
    kept = [each.line.content for each in files.read(tracer.folder) if each.line.content]
    assert kept == ["x\r\n.\r\n"]


def test_nothing_of_a_login_is_told_but_its_mechanism(tracer):
    tracer.obey([EVERYTHING])
    secret = "correct horse"
    said = base64.b64encode(secret.encode()).decode()

    async def run(login, opening):
        text = conversation(opening, login, BYE)
        async with scripted(text) as server:
            settings = SessionSettings(tls="off", credentials=Credentials("joe", secret))

            def listener(host, port):
                return tracer.connection(LANE, host, settings.credentials, lambda _: False)

            found = await connect(server.endpoints(), settings, HostNetwork(), listener)
            if isinstance(found, Connected):
                found.transport.close()
        server.failures.clear()  # whether we say QUIT is of no interest

    opening = greeting("PIPELINING", "AUTH LOGIN")
    asyncio.run(
        run(
            f"C: AUTH LOGIN *\nS: 334 UGFzc3dvcmQ6\nC: *\nS: 535 5.7.8 not with {secret} or {said}",
            opening,
        )
    )
    asyncio.run(run("C: AUTH PLAIN *\nS: 235 ok", greeting("PIPELINING", "AUTH PLAIN")))
    recorded = next(tracer.folder.glob("*")).read_text()
    assert secret not in recorded
    assert said not in recorded
    assert base64.b64encode(b"joe").decode() not in recorded
    assert ("s", "AUTH LOGIN ***", None) in told(tracer)
    assert ("s", "***", None) in told(tracer)
    assert ("s", "AUTH PLAIN ***", None) in told(tracer)
    assert "535 5.7.8 not with *** or ***" in texts(tracer)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("kind", ["good", "expired"])
def test_tls_is_told_in_the_clear(tracer, tmp_path, run, kind):
    tracer.obey([EVERYTHING])

    async def dialogue(sink):
        host, port = sink.service.addresses["mx1"]
        settings = SessionSettings(
            tls="required", tls_ca=(tmp_path / "tls" / "ca.pem").read_text(), idle_timeout=0.05
        )
        ends = Endpoints("127.0.0.1", host, port, "mta.test", mx_name="mx.example.test")

        def listener(host, port):
            return tracer.connection(LANE, host, None, lambda _: False)

        found = await connect(ends, settings, HostNetwork(), listener)
        assert isinstance(found, Connected) == (kind == "good")
        if isinstance(found, Connected):
            found.transport.abort()

    talk(tmp_path, dialogue, run=run, certificate=kind)
    lines = texts(tracer)
    assert lines[lines.index("STARTTLS") + 1].startswith("220 ")
    if kind == "good":
        assert lines[lines.index("STARTTLS") + 2].startswith("encrypted by TLSv1")
        assert lines.count("EHLO mta.test") == 2
        assert lines[-1] == "aborted by us"
    else:
        assert "failed at starttls: the certificate has expired" in lines


def test_a_server_that_refuses_starttls_is_heard_further(tracer):
    tracer.obey([EVERYTHING])

    async def run():
        opening = greeting("STARTTLS", "PIPELINING")
        ehlo = opening.partition("\n")[2]
        text = conversation(opening, "C: STARTTLS\nS: 454 4.7.0 not now", ehlo, "(silence)")
        async with scripted(text) as server:

            def listener(host, port):
                return tracer.connection(LANE, host, None, lambda _: False)

            settings = SessionSettings(tls="opportunistic")
            found = await connect(server.endpoints(), settings, HostNetwork(), listener)
            assert isinstance(found, Connected)
            found.transport.close()

    asyncio.run(run())
    lines = texts(tracer)
    assert lines[lines.index("STARTTLS") :] == [
        "STARTTLS",
        "454 4.7.0 not now",
        "EHLO mta.test",
        "250-mx.test",
        "250-STARTTLS",
        "250 PIPELINING",
        "closed by us",
    ]


def test_a_refusing_greeting_is_told(tracer):
    tracer.obey([EVERYTHING])

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    played(steps, "S: 554-5.3.2 closed\nS: 554 for today", rules=[MxRule(mask="*", tls="off")])
    assert texts(tracer)[2:4] == ["554-5.3.2 closed", "554 for today"]


def test_a_full_disk_ends_recording_and_not_sending(tracer, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    tracer.obey([EVERYTHING])
    monkeypatch.setattr(files.os, "write", full)

    async def steps(scene, server):
        scene.lanes.trace(tracer)
        scene.put(1)
        await until(lambda: scene.answers)

    scene = played(steps, conversation(PIPELINED, transaction(), BYE))
    assert scene.answers == [(1, Accepted)]
    assert not tracer.is_on
    assert not tracer.obey([EVERYTHING]), "it is not tried again until something else is wanted"


def test_where_nobody_listens_nothing_stands_between(tracer):
    async def steps(scene, server):
        scene.put(1)
        await until(lambda: scene.answers)
        [lane] = scene.lanes._lanes.values()
        [session] = lane.pool._visits
        assert type(session._transport) is type(session._connected.smtp.transport)
        assert not isinstance(session._transport, TracedTransport)
        assert session._hooks.pull.func == lane.pool._pull

    played(steps, conversation(PIPELINED, transaction(), BYE))
