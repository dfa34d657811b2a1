"""A worker's lanes while the configuration changes under them, over real sockets."""

import asyncio
import socket
from dataclasses import replace

import pytest

from affinity.configuration import MxRule
from mail.outcome import Accepted, Broken
from mta import lanes as lanes_module
from store.modules import Words
from store.reports import Telling
from tests.fakes.clock import FakeClock
from tests.fakes.lane_scene import LANE, Scene, settings_for, until
from tests.fakes.scripted_server import BYE, conversation, greeting, scripted, transaction
from world.network import ForbiddenDestination

OPENING = greeting("PIPELINING")
RENAMED = OPENING.replace("mta.test", "new.test")
_ASKED, _REPLY = transaction().rstrip().rsplit("\n", 1)
SLOW = f"{_ASKED}\n(hold)\n{_REPLY}"  # takes its time for the reply to the end of data


class NoNetwork:
    """Admits nothing at all."""

    def admit(self, address):
        raise ForbiddenDestination(f"{address} is outside this machine")

    def bind_error(self, address):
        return None


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def played(steps, *scripts, **given_settings):
    """Run ``steps(scene, server)`` against a server with these conversations."""

    async def run():
        async with scripted(*scripts) as server, asyncio.TaskGroup() as tasks:
            scene = Scene(settings_for(server.port, **given_settings), tasks)
            await steps(scene, server)
            await scene.lanes.stop()
        server.check()
        return scene

    return asyncio.run(run())


def test_a_lane_whose_way_is_the_same_keeps_its_connection_and_its_queue():
    async def steps(scene, server):
        scene.put(1)
        await until(lambda: scene.answers)
        scene.lanes.reconfigure(settings_for(server.port, connections=7))
        scene.put(2)
        await until(lambda: len(scene.answers) == 2)

    scene = played(steps, conversation(OPENING, transaction(), transaction(), BYE))
    assert scene.answers == [(1, Accepted), (2, Accepted)]
    assert scene.returned == []


def test_what_is_in_flight_on_a_changed_lane_has_all_the_time_of_its_receiver(monkeypatch):
    monkeypatch.setattr(lanes_module, "STOP_GRACE_S", 0.01)  # is for a worker that stops

    async def steps(scene, server):
        scene.put(1)
        await server.until(lambda: server.contents)
        scene.lanes.reconfigure(settings_for(server.port, helo="new.test"))
        scene.put(2)
        await asyncio.sleep(0.2)
        assert scene.answers == [], "the one connection that may be open is the old one"
        server.go_on.set()
        await until(lambda: len(scene.answers) == 2)

    scene = played(
        steps, conversation(OPENING, SLOW, BYE), conversation(RENAMED, transaction(), BYE)
    )
    assert scene.answers == [(1, Accepted), (2, Accepted)]


def test_a_stop_waits_for_what_a_changed_configuration_left_in_flight():
    async def steps(scene, server):
        scene.put(1)
        await server.until(lambda: server.contents)
        scene.lanes.reconfigure(settings_for(server.port, helo="new.test"))
        asyncio.get_running_loop().call_later(0.2, server.go_on.set)
        await scene.lanes.stop()
        assert scene.answers == [(1, Accepted)]

    played(steps, conversation(OPENING, SLOW, BYE))


def test_a_stop_waits_no_longer_than_its_grace_for_them(monkeypatch):
    monkeypatch.setattr(lanes_module, "STOP_GRACE_S", 0.05)

    async def steps(scene, server):
        scene.put(1)
        await server.until(lambda: server.contents)
        scene.lanes.reconfigure(settings_for(server.port, helo="new.test"))
        await scene.lanes.stop()
        assert scene.answers == [(1, Broken)]

    played(steps, conversation(OPENING, _ASKED, "(silence)"))


def test_a_network_that_is_not_allowed_any_more_is_not_connected_to():
    async def steps(scene, server):
        scene.put(1)
        await until(lambda: scene.answers)
        scene.lanes.reconfigure(settings_for(server.port, network=NoNetwork()))
        scene.put(2)
        await until(lambda: scene.returned)

    scene = played(steps, conversation(OPENING, transaction(), BYE))
    assert scene.answers == [(1, Accepted)]
    assert scene.returned == [2]


@pytest.mark.parametrize(
    ("affinity", "group", "lane"),
    [("other", "y", LANE), ("promo", "z", LANE), ("promo", "y", "*>y")],
)
def test_a_part_whose_way_does_not_exist_or_is_cut_otherwise_is_not_taken(affinity, group, lane):
    async def steps(scene, _):
        lease = replace(scene.lease, affinity=affinity, mx_group=group, lane=lane)
        assert scene.lanes.queue(lease) is None

    played(steps)


def test_lanes_that_become_one_shared_lane_are_closed():
    shared = (MxRule(mask="*", max_connections=1, shared=True),)

    async def steps(scene, server):
        scene.put(1)
        await until(lambda: scene.answers)
        scene.lanes.reconfigure(settings_for(server.port, rules=shared))
        assert scene.lanes.queue(scene.lease) is None
        scene.lease = replace(scene.lease, lane="*>y")
        scene.put(2)
        await until(lambda: len(scene.answers) == 2)

    scene = played(
        steps,
        conversation(OPENING, transaction(), BYE),
        conversation(OPENING, transaction(), BYE),
    )
    assert scene.answers == [(1, Accepted), (2, Accepted)]


def test_a_lane_tells_what_it_does_and_is_idle_when_it_is_done():
    async def steps(scene, server):
        scene.put(1, 2, 3)
        await server.until(lambda: server.contents)
        [report] = scene.lanes.reports(7)
        assert (report.worker_id, report.lane, report.source_ip) == (7, LANE, "127.0.1.1")
        assert (report.taken, report.allowed) == (1, 1)
        assert report.waiting + report.in_flight == 3
        assert report.in_flight >= 1
        assert [(name, each.connections) for name, each in report.phases.items()] == [("body", 1)]
        assert report.phases["body"].since <= FakeClock().now()
        assert (report.slow, report.trouble, report.down_until) == (0, None, None)
        telling = Telling()
        assert telling.news(Words(), [report]).changed == [report]
        telling.told()
        assert telling.news(Words(), scene.lanes.reports(7)).changed == [], "it stood still"
        server.go_on.set()
        await until(lambda: len(scene.answers) == 3)
        await until(lambda: not scene.lanes.reports(7)[0].taken)
        assert scene.lanes.reports(7)[0].is_idle

    rules = (MxRule(mask="*", max_connections=1),)
    played(steps, conversation(OPENING, SLOW, transaction(), transaction(), BYE), rules=rules)


def test_a_lane_that_cannot_connect_tells_why_since_when_and_until_when():
    async def run():
        async with asyncio.TaskGroup() as tasks:
            scene = Scene(settings_for(free_port()), tasks)
            scene.put(1)
            await until(lambda: scene.answers)
            scene.put(2)
            [report] = scene.lanes.reports(7)
            await scene.lanes.stop()
        return scene, report

    scene, report = asyncio.run(run())
    now = FakeClock().now()
    assert scene.answers == [(1, Broken)]
    assert report.waiting == 1
    assert report.trouble.stage == "connect"
    assert "127.0.0.1" in report.trouble.text
    assert report.trouble.since <= now < report.down_until
    assert not report.is_idle
