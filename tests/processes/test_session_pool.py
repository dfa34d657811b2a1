"""A lane's connections over real sockets."""

import asyncio

import pytest

from mail.outcome import Accepted, Rejected, Stage
from mail.reply import Reply
from mta import hosts as hosts_module
from mta.connection_budget import ConnectionBudget
from mta.hosts import Host, Hosts
from mta.pool import LanePool, PoolHooks
from mta.session.dialogue import Envelope
from mta.session.handshake import Endpoints
from mta.session.settings import SessionSettings
from tests.fakes.accepting_server import AcceptingServer
from tests.fakes.scripted_server import BYE, conversation, greeting, scripted, transaction
from world.chance import SeededChance
from world.network import ForbiddenDestination, HostNetwork

PIPELINED = greeting("PIPELINING")


class Lane:
    """A queue of messages and what became of them."""

    def __init__(self, count: int = 0) -> None:
        self.waiting: list[Envelope] = []
        self.answers: list = []
        self.untried: list[Envelope] = []
        self.unreachable: list = []
        self.news = asyncio.Event()
        self.add(count)

    def add(self, count: int) -> None:
        self.waiting += [
            Envelope(number, "a@sender.test", "b@y.test", b"text\r\n") for number in range(count)
        ]

    def hooks(self) -> PoolHooks:
        def noting(seen):
            def note(*told):
                seen.append(told)
                self.news.set()

            return note

        return PoolHooks(
            lambda: self.waiting.pop() if self.waiting else None,
            lambda _: True,
            noting(self.answers),
            noting(self.untried),
            noting(self.unreachable),
            self.pass_on,
        )

    def pass_on(self, envelope) -> bool:
        self.waiting.append(envelope)
        return True

    async def until(self, is_so) -> None:
        while not is_so():
            self.news.clear()
            await self.news.wait()


def pool_for(lane, endpoints, tasks, *, connections_max=4, budget=None, **settings) -> LanePool:
    places = endpoints if isinstance(endpoints, list) else [Host(endpoints)]
    return LanePool(
        Hosts(places, SeededChance(1)),
        SessionSettings(tls="off", **settings),
        budget or ConnectionBudget(connections_max),
        network=HostNetwork(),
        hooks=lane.hooks(),
        tasks=tasks,
    )


class CountingServer(AcceptingServer):
    """Knows how many connections there were at once."""

    now = most = ever = 0

    def connection_made(self, transport):
        cls = type(self)
        cls.now, cls.ever = cls.now + 1, cls.ever + 1
        cls.most = max(cls.most, cls.now)
        super().connection_made(transport)

    def connection_lost(self, exc):
        type(self).now -= 1


def sending(count, *, connections_max, **settings):
    """Send messages through a pool; return the lane, the server's counts and the pool."""

    class Server(CountingServer):
        pass

    async def run():
        lane, taken = Lane(count), [0]
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Server(taken), "127.0.0.1", 0)
        endpoints = Endpoints("127.0.3.4", "127.0.0.1", listener.sockets[0].getsockname()[1])
        async with asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, endpoints, tasks, connections_max=connections_max, **settings)
            pool.wake(count)
            await lane.until(lambda: len(lane.answers) == count)
            await pool.stop(5)
        listener.close()
        await listener.wait_closed()
        assert taken[0] == count
        assert all(isinstance(answer, Accepted) for _, answer, _ in lane.answers)
        assert pool.open_connections == 0
        assert pool.phases == {}

    asyncio.run(run())
    return Server


def test_a_large_backlog_uses_all_connections_that_are_allowed():
    assert sending(500, connections_max=4).most == 4


def test_no_more_connections_are_opened_than_there_are_messages():
    assert sending(1, connections_max=4).most == 1


def test_a_connection_that_has_had_its_share_is_replaced_and_the_limit_holds():
    server = sending(100, connections_max=3, messages_max=5)
    assert server.ever >= 20
    assert server.most <= 3


def test_pools_that_share_a_budget_share_its_connections():
    class Server(CountingServer):
        pass

    async def run():
        lanes, taken, budget = [Lane(50), Lane(50)], [0], ConnectionBudget(2)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Server(taken), "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with asyncio.TaskGroup() as tasks:
            pools = [
                pool_for(
                    lane,
                    Endpoints(f"127.0.3.{number}", "127.0.0.1", port),
                    tasks,
                    budget=budget,
                    idle_timeout=0.02,
                )
                for number, lane in enumerate(lanes, 1)
            ]
            for pool in pools:
                pool.wake(50)
            for lane in lanes:
                await lane.until(lambda lane=lane: len(lane.answers) == 50)
            for pool in pools:
                await pool.stop(5)
        listener.close()
        await listener.wait_closed()
        assert taken[0] == 100
        assert Server.most <= 2

    asyncio.run(run())


def test_a_connection_that_waits_is_used_before_another_is_opened():
    async def run():
        lane = Lane(1)
        text = conversation(PIPELINED, transaction(), transaction(), BYE)
        async with scripted(text) as server, asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, server.endpoints(), tasks)
            pool.wake(1)
            await lane.until(lambda: len(lane.answers) == 1)
            assert pool.phases == {"idle": 1}
            lane.add(1)
            pool.wake(1)
            await lane.until(lambda: len(lane.answers) == 2)
            await pool.stop(5)
        server.check()

    asyncio.run(run())


def test_a_refused_connection_is_told_and_tried_again_later(monkeypatch):
    monkeypatch.setattr(hosts_module, "BACKOFF_FIRST_S", 0.05)
    refusal = "S: 421 4.3.2 not now\n(drop)"

    async def run():
        lane = Lane(1)
        text = conversation(PIPELINED, transaction(), BYE)
        async with scripted(refusal, text) as server, asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, server.endpoints(), tasks)
            pool.wake(1)
            await lane.until(lambda: lane.unreachable)
            assert lane.unreachable == [(Rejected(Reply(421, "4.3.2 not now"), Stage.GREETING),)]
            assert pool.down_until is not None
            pool.wake(1)
            assert pool.phases == {}
            await lane.until(lambda: lane.answers)
            assert pool.down_until is None
            assert pool.trouble is None
            await pool.stop(5)
        server.check()

    asyncio.run(run())


def test_a_connection_beyond_those_open_that_is_refused_is_no_unreachable_host():
    async def run():
        lane = Lane(2)
        first = conversation(PIPELINED, "C: MAIL*", "C: RCPT*", "C: DATA", "(silence)")
        async with (
            scripted(first, "S: 421 too many connections\n(drop)") as server,
            asyncio.TaskGroup() as tasks,
        ):
            pool = pool_for(lane, server.endpoints(), tasks)
            pool.wake(2)
            await server.until(lambda: len(server.callers) == 2 and server.running == 1)
            while pool.trouble is None:  # noqa: ASYNC110 - no hook tells it
                await asyncio.sleep(0)
            assert lane.unreachable == []
            assert pool.phases == {"mail": 1}
            assert pool.down_until is not None
            await pool.stop(0)
        assert len(lane.untried) == 1

    asyncio.run(run())


def test_a_server_that_hangs_up_before_it_takes_anything_is_left_alone_for_a_while():
    async def run():
        lane = Lane(3)
        text = conversation(PIPELINED, "C: MAIL*", "S: 421 4.7.0 slow down", "(drop)")
        async with scripted(text) as server, asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, server.endpoints(), tasks, connections_max=1)
            pool.wake(3)
            await server.until(lambda: server.callers and not server.running)
            while pool.down_until is None:  # noqa: ASYNC110 - no hook tells it
                await asyncio.sleep(0)
            assert len(lane.answers) == 1
            assert len(lane.waiting) == 2
            assert lane.unreachable == []
            await pool.stop(5)

    asyncio.run(run())


def test_stop_gives_what_is_in_flight_its_grace_and_then_cuts_it_off():
    async def run():
        lane = Lane(1)
        text = conversation(PIPELINED, "C: MAIL*", "C: RCPT*", "C: DATA", "(silence)")
        async with scripted(text) as server, asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, server.endpoints(), tasks)
            pool.wake(1)
            await server.until(lambda: server.heard and len(server.heard[0]) == 4)
            await pool.stop(0.02)
            assert pool.phases == {}
        assert len(lane.untried) == 1
        assert lane.answers == []

    asyncio.run(run())


def test_stop_does_not_wait_for_connections_that_are_being_made():
    async def run():
        lane = Lane(1)
        async with scripted("(silence)") as server, asyncio.TaskGroup() as tasks:
            pool = pool_for(lane, server.endpoints(), tasks)
            pool.wake(1)
            await server.until(lambda: server.running == 1)
            assert pool.phases == {"connecting": 1}
            await pool.stop(60)
        assert lane.unreachable == []
        assert len(lane.waiting) == 1

    asyncio.run(run())


def test_what_a_hook_raises_ends_the_group():
    async def run():
        lane = Lane(5)
        text = conversation(PIPELINED, transaction(), "(silence)")
        async with scripted(text) as server, asyncio.TaskGroup() as tasks:
            lane.answers = None  # nothing can be noted there
            pool = pool_for(lane, server.endpoints(), tasks, connections_max=1)
            pool.wake(5)

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(run())
    assert raised.group_contains(AttributeError)


def test_a_destination_outside_this_machine_is_refused_at_once():
    async def run():
        async with asyncio.TaskGroup() as tasks:
            with pytest.raises(ForbiddenDestination):
                pool_for(Lane(), Endpoints("127.0.0.1", "192.0.2.1", 25), tasks)

    asyncio.run(run())
