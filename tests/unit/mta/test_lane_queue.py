"""A lane's queue: order, pace, and what goes back instead of out."""

import asyncio

from affinity.gcra import Gcra
from affinity.slots import SLOT_S, Slots
from mta.held import HeldMessage, HeldPart
from mta.lane_queue import Hooks, LaneQueue, Limiter
from mta.session.envelope import Envelope
from store.leases import LeasedPart, PartMessage
from tests.fakes.clock import FakeClock

LANE = "127.0.1.1>gmail"


class Scene:
    """A queue with hooks that note what they are asked."""

    def __init__(self, per_hour: int | None = None) -> None:
        self.clock = FakeClock()
        self.limiter = None if per_hour is None else Limiter(Gcra.per_hour(per_hour, 1), None)
        self.refused: set[int] = set()
        self.unmade: set[int] = set()
        self.returned: list[int] = []
        self.spent: list[float] = []
        self.is_blocked = False
        hooks = Hooks(
            is_blocked=lambda: self.is_blocked,
            may_send=lambda held: held.message.message_id not in self.refused,
            render=self._render,
            give_back=lambda held: self.returned.append(held.message.message_id),
            spent=lambda _lane, tat: self.spent.append(tat),
        )
        self.woken = 0
        self.queue = LaneQueue(LANE, self.clock, self.limiter, hooks, self._wake)
        lease = LeasedPart(1, 1, 1, "promo", "gmail", "127.0.1.1", LANE, 9, 0, 0, None)
        part = HeldPart(lease, 0, 0, 9)
        for number in range(1, 10):
            message = PartMessage(number, f"u{number}@gmail.test", "gmail.test", "{}", 0)
            self.queue.put(HeldMessage(part, message))

    def _render(self, held: HeldMessage) -> Envelope | None:
        number = held.message.message_id
        if number in self.unmade:
            return None
        return Envelope(number, "a@b.test", held.message.address, b"x\r\n", token=held)

    def _wake(self) -> None:
        self.woken += 1

    def pull(self) -> int | None:
        envelope = self.queue.pull()
        return None if envelope is None else envelope.message_id


def test_first_in_first_out_until_it_is_empty():
    scene = Scene()
    assert [scene.pull() for _ in range(10)] == [*range(1, 10), None]


def test_what_may_not_be_sent_any_more_is_given_back_in_passing():
    scene = Scene()
    scene.refused = {1, 2, 4}
    assert [scene.pull(), scene.pull()] == [3, 5]
    assert scene.returned == [1, 2, 4]


def test_what_cannot_be_made_is_passed_over_and_costs_no_token():
    scene = Scene(per_hour=3600)
    scene.unmade = {1}
    assert scene.pull() == 2
    assert len(scene.spent) == 1


def test_nothing_is_pulled_while_the_worker_is_blocked():
    scene = Scene()
    scene.is_blocked = True
    assert scene.pull() is None
    assert scene.queue.sendable() == 0
    scene.is_blocked = False
    assert scene.pull() == 1


def test_the_limiter_paces_and_wakes_the_lane_when_the_next_may_go():
    async def run() -> None:
        scene = Scene(per_hour=360_000)  # one each 10 ms
        assert scene.pull() == 1
        assert scene.pull() is None
        assert scene.queue.sendable() == 0
        assert 0 < scene.queue.wait_s() < 0.02
        await asyncio.sleep(0.05)
        assert scene.woken == 1
        scene.clock.advance(0.02)
        assert scene.queue.sendable() == 8
        assert scene.pull() == 2

    asyncio.run(run())


def test_a_clock_set_back_only_makes_the_lane_wait():
    async def run() -> None:
        scene = Scene(per_hour=3600)
        assert scene.pull() == 1
        scene.clock.set(scene.clock.now() - 100)
        assert scene.pull() is None
        assert scene.queue.wait_s() > 100
        scene.queue.close()

    asyncio.run(run())


def test_unwanted_messages_are_taken_out_in_order():
    scene = Scene()
    taken = scene.queue.drain(lambda held: held.message.message_id % 2 == 0)
    assert [held.message.message_id for held in taken] == [2, 4, 6, 8]
    assert len(scene.queue) == 5
    assert scene.pull() == 1


def test_what_is_put_back_goes_next_unless_the_queue_is_closed():
    scene = Scene()
    held = scene.queue.pull().token
    assert scene.queue.put_back(held)
    assert [scene.pull(), scene.pull()] == [1, 2]
    scene.queue.close()
    assert not scene.queue.put_back(held)
    assert len(scene.queue) == 7


def test_what_is_put_back_costs_another_token():
    scene = Scene(per_hour=3600)
    scene.queue.put_back(scene.queue.pull().token)
    assert len(scene.spent) == 1
    scene.clock.advance(1)
    assert scene.pull() == 1
    assert len(scene.spent) == 2


def test_in_slots_a_lane_sends_its_share_at_once_and_then_waits_for_the_next():
    scene = Scene()
    scene.limiter = scene.queue._limiter = Limiter(Slots(39), None)
    left = SLOT_S - scene.clock.now() % SLOT_S
    assert [scene.pull() for _ in range(3)] == [1, 2, 3]
    assert scene.queue.wait_s() == left
    scene.clock.advance(left)
    assert [scene.pull() for _ in range(3)] == [4, 5, 6]
    assert scene.queue.wait_s() == SLOT_S
    assert scene.spent[-1] == scene.clock.now() + SLOT_S
