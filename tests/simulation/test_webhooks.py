"""Webhooks in a simulated lab whose receivers, store and processes fail."""

import itertools

import pytest
import tomli_w

from lab.simulation.simulation import simulated
from lab.simulation.storms.acts import Operators
from lab.simulation.storms.storm import Mail
from mail.tracked import Kind
from store import log, tables, webhooks
from tests.fakes.webhook_receiver import CLOSE, HANG, SECRET, WebhookReceiver, by_turns, first
from tests.simulation.test_same_run import STEADY

PORT = 8900


def lab(**hook):
    given = {"name": "hook", "url": f"http://127.0.0.1:{PORT}/x", "secret_file": "secret"}
    given |= {"begin": "beginning", "batch": 7, "timeout": 5, "retries": 20, **hook}
    doors = {each: {"listen": "off"} for each in ("submission", "inmail", "tracking")}
    return {**STEADY.lab, **doors, "webhook": [given]}


def add_click(tx, number, message_id, at):
    tx.connection.execute(
        tables.tracking_log.insert().values(
            id=number, event=f"e{number}", delivery_id=1, message_id=message_id, url=2,
            kind=int(Kind.CLICK), at=at, person="p", agent="Mozilla", ip="127.0.0.1",
        )
    )  # fmt: skip


class Scene:
    def __init__(self, sim, receiver):
        self.sim, self.receiver = sim, receiver
        self.server = None

    async def begin(self):
        """The receiver listens."""
        sock = self.sim.wire.bind("receiver", f"127.0.0.1:{PORT}")
        self.server = await self.sim.loop.create_server(self.receiver.protocol, sock=sock)

    def events(self):
        found, last = [], 0
        while page := self.sim.store.read_now(log.events, log.Filter(), after_id=last):
            found += page
            last = page[-1].transition.id
        return found

    def ids(self):
        return {f"transition-{each.transition.id}" for each in self.events()}

    def state(self):
        return self.sim.store.read_now(webhooks.get, "hook")

    def dead(self):
        return self.sim.store.read_now(webhooks.dead)


@pytest.fixture
def played(tmp_path):
    """Sends 18 messages, most of them deferred twice, and plays ``during`` beside it."""

    numbers = itertools.count()

    def play(receiver, during=None, until=4000.0, **hook):
        folder = tmp_path / str(next(numbers))  # sinks remember what they saw
        folder.mkdir()
        (folder / "secret").write_text(SECRET)
        settings = lab(**hook)
        with simulated(tomli_w.dumps(settings), seed=1, folder=folder) as sim:
            scene = Scene(sim, receiver)

            async def experiment():
                await scene.begin()
                sim.start()
                await sim.until(2)
                Operators(sim, settings).submit(Mail(2.0, {"one.test": 12, "two.test": 6}))
                if during is not None:
                    await during(scene)
                await sim.until(until)

            sim.run(experiment())
            assert sim.machines.crashes == []
            return scene, scene.ids(), scene.state(), scene.dead()

    return play


def test_every_event_arrives_once_in_order_and_signed(played):
    receiver = WebhookReceiver()
    _, ids, state, dead = played(receiver)
    assert len(ids) > 18
    assert receiver.times_seen() == dict.fromkeys(ids, 1)
    assert receiver.in_order("transition") == sorted(receiver.in_order("transition"))
    assert (state.posted, state.error, dead) == (len(ids), None, [])
    assert all(len(each.events) <= 7 for each in receiver.requests)


@pytest.mark.parametrize("did", [500, 302, 404, HANG, CLOSE])
def test_a_receiver_that_fails_is_tried_again_with_the_same_request(played, did):
    receiver = WebhookReceiver(first(3, did))
    _, ids, state, dead = played(receiver)
    assert receiver.times_taken() == dict.fromkeys(ids, 1)
    tries = receiver.requests[:4]
    assert len({each.headers["webhook-id"] for each in tries}) == 1
    assert len({each.body for each in tries}) == 1
    assert len({each.headers["webhook-timestamp"] for each in tries}) == 4
    assert (state.error, dead) == (None, [])


def test_waits_grow_and_are_as_long_as_the_receiver_asks(played):
    receiver = WebhookReceiver(first(4, 503), retry_after=120)
    played(receiver)
    at = [int(each.headers["webhook-timestamp"]) for each in receiver.requests[:5]]
    assert all(120 <= later - earlier <= 121 for earlier, later in itertools.pairwise(at))


def test_what_is_never_taken_is_a_dead_letter_until_it_is_asked_for(played):
    receiver = WebhookReceiver(first(6, 500))  # two requests, each tried three times

    async def ask(scene):
        await scene.sim.until(600)
        letters = scene.dead()
        assert [each.attempts for each in letters] == [3, 3]
        assert letters[0].error == "answered 500: words"
        scene.sim.store.write_now(webhooks.ask_again, scene.sim.now(), "hook")
        scene.sim.wrote()

    _, ids, state, dead = played(receiver, ask, retries=2)
    assert receiver.times_taken() == dict.fromkeys(ids, 1)
    assert (state.posted, dead) == (len(ids), [])


def test_a_dead_letter_that_fails_once_more_stays_one(played):
    receiver = WebhookReceiver(by_turns(500))

    async def ask(scene):
        await scene.sim.until(900)
        scene.sim.store.write_now(webhooks.ask_again, scene.sim.now(), None)
        scene.sim.wrote()

    _, ids, state, dead = played(receiver, ask, retries=1)
    assert state.posted == 0
    assert {each.attempts for each in dead} == {3}
    assert all(each.asked_at is None for each in dead)
    assert sum(each.letter.events for each in dead) == len(ids)


@pytest.mark.parametrize("point", ["webhooks.posting", "webhooks.posted"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_killed_at_any_point_every_event_arrives_and_only_those_under_way_twice(played, point, nth):
    receiver = WebhookReceiver()

    async def kill(scene):
        for number in range(nth):
            scene.sim.machines.kill_at(scene.sim.machines.living("webhooks")[0], point)
            await scene.sim.until(60 * (number + 1))

    _, ids, _, dead = played(receiver, kill)
    times = receiver.times_taken()
    assert set(times) == ids
    assert dead == []
    twice = [each for each, count in times.items() if count > 1]
    assert len(twice) <= 7 * nth
    assert (twice == []) == (point == "webhooks.posting")


def test_killed_again_and_again_every_event_arrives(played):
    receiver = WebhookReceiver(by_turns(204, 500, HANG, 204, CLOSE))

    async def kill(scene):
        for second in range(3, 120, 4):
            await scene.sim.until(float(second))
            for each in scene.sim.machines.living("webhooks"):
                scene.sim.machines.kill(each)

    _, ids, _, dead = played(receiver, kill)
    assert set(receiver.times_taken()) == ids
    assert dead == []


def test_an_orderly_stop_sends_nothing_twice(played):
    receiver = WebhookReceiver()

    async def restart(scene):
        for second in (2.2, 2.4, 2.6, 3.0, 5.0, 8.0):
            await scene.sim.until(second)
            for each in scene.sim.machines.living("webhooks"):
                each.send_signal(15)

    _, ids, _, _ = played(receiver, restart)
    assert receiver.times_seen() == dict.fromkeys(ids, 1)


def test_a_store_that_is_away_costs_nothing_but_time(played):
    receiver = WebhookReceiver()

    async def cut(scene):
        process = scene.sim.machines.living("webhooks")[0]
        for second in (2.3, 4.0, 6.0):
            process.is_cut_off = True
            await scene.sim.until(second)
            process.is_cut_off = False
            scene.sim.machines.trouble()
            await scene.sim.until(second + 0.5)

    _, ids, _, _ = played(receiver, cut)
    assert receiver.times_seen() == dict.fromkeys(ids, 1)


def test_a_receiver_that_is_gone_does_not_slow_the_lab(played):
    found = []

    async def look(scene):
        await scene.sim.until(100)
        found.append([each.transition.at for each in scene.events()])

    for receiver in (WebhookReceiver(), WebhookReceiver(by_turns(HANG))):
        played(receiver, look, until=101.0)
    # Whoever writes to the store wakes who looks at it: looks come a little sooner or later.
    assert found[1] == pytest.approx(found[0], rel=0, abs=0.2)


def test_only_what_was_asked_for_is_posted(played):
    receiver = WebhookReceiver()
    _, ids, state, _ = played(receiver, events=["message.sent"])
    kinds = {event["type"] for each in receiver.requests for event in each.events}
    assert kinds == {"message.sent"}
    assert state.posted == 18 < len(ids)


def test_a_new_webhook_is_told_what_comes_after_it(played):
    receiver = WebhookReceiver()

    async def later(scene):
        await scene.sim.until(100)
        before = scene.ids()
        assert receiver.requests == []
        text = tomli_w.dumps(lab(begin="now"))
        scene.sim.edit(text)
        await scene.sim.until(110)
        Operators(scene.sim, lab()).submit(Mail(110.0, {"two.test": 3}))
        await scene.sim.until(200)
        assert set(receiver.times_seen()) == scene.ids() - before

    played(receiver, later, name="other", url="http://127.0.0.1:8901/")


def test_tracking_events_are_told_after_the_messages_that_led_to_them(played):
    receiver = WebhookReceiver()

    async def click(scene):
        await scene.sim.until(60)
        scene.sim.store.write_now(add_click, 1, 1, scene.sim.now())
        scene.sim.wrote()
        await scene.sim.until(70)
        scene.sim.store.write_now(add_click, 2, 2, scene.sim.now())
        scene.sim.wrote()

    played(receiver, click, events=["message.sent", "tracking.click"], batch=1000)
    told = [event for each in receiver.requests for event in each.events]
    clicks = [each for each in told if each["type"] == "tracking.click"]
    assert [each["id"] for each in clicks] == ["tracking-1", "tracking-2"]
    assert clicks[0]["data"]["recipient"].endswith(".test")
    sent = [each["data"]["id"] for each in told[: told.index(clicks[0])]]
    assert clicks[0]["data"]["id"] in sent


def test_a_changed_configuration_without_its_secret_is_refused_and_the_old_one_goes_on(played):
    receiver = WebhookReceiver()

    async def change(scene):
        await scene.sim.until(2.3)
        scene.sim.edit(tomli_w.dumps(lab(secret_file="nowhere", batch=3)))
        await scene.sim.until(60)
        said = {each.event for each in scene.sim.said.lines if each.module == "webhooks"}
        assert "configuration_refused" in said

    _, ids, _, _ = played(receiver, change)
    assert receiver.times_seen() == dict.fromkeys(ids, 1)


def test_a_change_of_the_batch_in_between_neither_loses_nor_doubles(played):
    receiver = WebhookReceiver()

    async def change(scene):
        for batch in (3, 5, 2):
            await scene.sim.until(scene.sim.loop.time() + 0.7)
            scene.sim.edit(tomli_w.dumps(lab(batch=batch)))

    _, ids, _, _ = played(receiver, change)
    assert receiver.times_seen() == dict.fromkeys(ids, 1)


def test_the_same_run_posts_the_same(played):
    bodies = []
    for _ in range(2):
        receiver = WebhookReceiver(by_turns(204, 500))
        played(receiver)
        bodies.append([(each.headers, each.body) for each in receiver.requests])
    assert bodies[0] == bodies[1]
