"""A lane to a route of several hosts, over real sockets: who is tried, and who has the message."""

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail.outcome import Accepted, Broken, Rejected
from mta import hosts as hosts_module
from tests.fakes.accepting_server import AcceptingServer
from tests.fakes.lane_scene import Scene, settings_for, until
from tests.fakes.scripted_server import BYE, conversation, greeting, scripted, transaction

OPENING = greeting("PIPELINING")
TAKES_ONE = conversation(OPENING, transaction(), BYE)
PLAIN_MAIL = "C: MAIL FROM:<a@sender.test>*"
PIPELINED_MAIL = f"{PLAIN_MAIL}\nC: RCPT TO:<*>\nC: DATA"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hosts_module, "BACKOFF_FIRST_S", 0.05)


def played(steps, first, second, *, preferences=(10, 20), **given_settings):
    """Run ``steps(scene, servers)`` against two hosts with these conversations each."""

    async def run():
        async with (
            scripted(*first) as one,
            scripted(*second) as other,
            asyncio.TaskGroup() as tasks,
        ):
            ends = [
                (server.port, each) for server, each in zip((one, other), preferences, strict=True)
            ]
            scene = Scene(settings_for(*ends, **given_settings), tasks)
            await steps(scene, (one, other))
            await scene.lanes.stop()
        for server in (one, other):
            server.check()
        return scene

    return asyncio.run(run())


async def one_message(scene, _):
    scene.put(1)
    await until(lambda: scene.answers)


@pytest.mark.parametrize(
    "refusal",
    [
        "S: 421 4.3.2 too many connections\n(drop)",
        "S: 554 5.3.2 no service here\nC: QUIT\n(drop)",
        "(drop)",
        "S: this is no SMTP\n(drop)",
        "S: 220 mx.test\nC: EHLO *\nS: 421 4.3.2 going down\n(drop)",
        conversation(OPENING, "S: 421 4.3.2 changed my mind", "(drop)"),
        conversation(OPENING, PIPELINED_MAIL, "S: 421 4.7.0 not from you", "(drop)"),
        conversation(greeting(), PLAIN_MAIL, "S: 421 4.7.0 not from you", "(drop)"),
        conversation(greeting(), "S: 421 4.7.0 changed my mind", "(drop)"),
        conversation(OPENING, PIPELINED_MAIL, "(drop)"),
    ],
)
def test_what_one_host_refuses_before_it_heard_the_sender_goes_by_the_next(refusal):
    scene = played(one_message, [refusal], [TAKES_ONE])
    assert scene.answers == [(1, Accepted)]
    assert scene.returned == []


def test_the_lowest_preference_is_tried_first():
    scene = played(one_message, [], [TAKES_ONE], preferences=(20, 10))
    assert scene.answers == [(1, Accepted)]


@pytest.mark.parametrize("accepted", [["250 ok"], ["250 ok", "250 ok"]])
def test_a_421_after_mail_was_accepted_is_the_answer(accepted):
    said = [f"S: {each}" for each in [*accepted, "421 4.7.0 slow down"]]
    script = conversation(OPENING, PIPELINED_MAIL, said, "(drop)")
    scene = played(one_message, [script], [])
    assert scene.answers == [(1, Rejected)]


def test_a_lane_fails_only_when_no_host_can_be_reached():
    async def steps(scene, servers):
        scene.put(1, 2, 3)
        await until(lambda: len(scene.answers) == 3)
        assert all(len(server.callers) == 1 for server in servers)

    refusal = "S: 421 4.3.2 not now\n(drop)"
    scene = played(steps, [refusal], [refusal])
    assert scene.answers == [(number, Rejected) for number in (1, 2, 3)]


def test_a_message_that_every_host_sends_away_has_had_its_attempt():
    refusal = conversation(OPENING, PIPELINED_MAIL, "S: 421 4.7.0 not from you", "(drop)")
    scene = played(one_message, [refusal], [refusal])
    assert scene.answers == [(1, Rejected)]


def test_mail_comes_home_when_the_preferred_host_is_up_again():
    async def steps(scene, servers):
        scene.put(1)
        await until(lambda: scene.answers)
        await asyncio.sleep(0.2)  # the back-off is over, and the idle connection has gone
        scene.put(2)
        await until(lambda: len(scene.answers) == 2)
        assert len(servers[0].callers) == 2

    scene = played(steps, ["S: 421 not now\n(drop)", TAKES_ONE], [TAKES_ONE])
    assert scene.answers == [(1, Accepted), (2, Accepted)]


def test_a_busy_connection_to_a_spare_host_gives_way_to_the_preferred_one():
    async def steps(scene, servers):
        scene.put(1, 2)
        await servers[1].until(lambda: servers[1].contents)
        await asyncio.sleep(0.2)  # the back-off of the preferred host is over
        servers[1].go_on.set()
        await until(lambda: len(scene.answers) == 2)

    slow = conversation(
        greeting(),
        ["C: MAIL*", "S: 250 ok", "C: RCPT*", "S: 250 ok", "C: DATA", "S: 354 go"],
        ["C: (content)", "(hold)", "S: 250 queued"],
        BYE,
    )
    scene = played(steps, ["S: 421 not now\n(drop)", TAKES_ONE], [slow])
    assert scene.answers == [(1, Accepted), (2, Accepted)]


# --- hosts of any mood -----------------------------------------------------------------------

MOODS = ["accept", "accept", "refuse", "reject", "drop", "mail421", "mail drop", "data421"]


class Moody(AcceptingServer):
    """Counts the connections of all hosts of its kind; each connection has the next mood."""

    now = most = 0

    def __init__(self, counter, moods, *, pipelining):
        super().__init__(counter)
        self._mood = next(moods, "accept")
        self._pipelining = pipelining

    def connection_made(self, transport):
        cls = type(self)
        cls.now += 1
        cls.most = max(cls.most, cls.now)
        first = {"refuse": b"421 no\r\n", "reject": b"554 no\r\n", "drop": b""}.get(self._mood)
        if first is None:
            super().connection_made(transport)
            return
        self._transport = transport
        transport.write(first)
        transport.close()

    def connection_lost(self, exc):
        type(self).now -= 1

    def _reply(self, verb):
        if verb == b"EHLO" and not self._pipelining:
            return b"250 sink\r\n"
        ending = {"mail421": b"MAIL", "mail drop": b"MAIL", "data421": b"DATA"}.get(self._mood)
        if verb == ending:
            asyncio.get_running_loop().call_soon(self._transport.close)
            return b"" if self._mood == "mail drop" else b"421 4.7.0 no more\r\n"
        return super()._reply(verb)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.lists(st.sampled_from(MOODS), max_size=6), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(1, 3),
    st.booleans(),
)
def test_each_message_comes_back_once_whatever_the_mood_of_the_hosts(
    moods, count, connections, pipelining
):
    class Server(Moody):
        pass

    async def run():
        loop = asyncio.get_running_loop()
        taken = [0]
        async with contextlib.AsyncExitStack() as stack:
            ports = []
            for each in moods:
                mood = iter(each)
                listener = await loop.create_server(
                    lambda mood=mood: Server(taken, mood, pipelining=pipelining), "127.0.0.1", 0
                )
                stack.push_async_callback(listener.wait_closed)
                stack.callback(listener.close)
                ports.append((listener.sockets[0].getsockname()[1], len(ports) // 2))
            async with asyncio.TaskGroup() as tasks:
                scene = Scene(settings_for(*ports, connections=connections), tasks)
                numbers = range(count)
                scene.put(*numbers)
                await until(lambda: len(scene.answers) + len(scene.returned) >= count)
                await scene.lanes.stop()
            await until(lambda: Server.now == 0)
        assert sorted([*(each for each, _ in scene.answers), *scene.returned]) == [*numbers]
        assert taken[0] == sum(kind is Accepted for _, kind in scene.answers)
        assert {kind for _, kind in scene.answers} <= {Accepted, Rejected, Broken}
        assert Server.most <= connections

    asyncio.run(asyncio.wait_for(run(), 60))
