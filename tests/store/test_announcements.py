"""modules: instances, workers, scheduler and sinks say that they live."""

from store import leases, modules
from tests.store.hand import LEASE

HERE = modules.Process("here", 10, 100)
THERE = modules.Process("there", 20, 200)


def test_an_instance_is_known_from_its_announcement_to_its_stop(hand):
    hand.do(modules.announce_instance, "m1", ["main", "bulk"], 2, HERE, 1.0)
    hand.do(modules.beat_instance, "m1", modules.Process("here", 10, 150), 2.0)
    hand.do(modules.stop_instance, "m1", 10, 3.0)
    assert hand.ask(modules.instances) == [
        modules.Instance("m1", ("main", "bulk"), 2, "here", 10, 1.0, 3.0, 150, 3.0)
    ]


def test_an_instance_that_reads_a_new_configuration_started_when_it_started(hand):
    hand.do(modules.announce_instance, "m1", ["main"], 1, HERE, 1.0)
    hand.do(modules.announce_instance, "m1", [], 3, HERE, 5.0)
    (found,) = hand.ask(modules.instances)
    assert (found.affinities, found.workers, found.started_at) == ((), 3, 1.0)


def test_a_new_process_of_an_instance_starts_anew(hand):
    hand.do(modules.announce_instance, "m1", ["main"], 1, HERE, 1.0)
    hand.do(modules.stop_instance, "m1", 10, 2.0)
    hand.do(modules.announce_instance, "m1", ["main"], 1, THERE, 5.0)
    (found,) = hand.ask(modules.instances)
    assert (found.pid, found.started_at, found.stopped_at) == (20, 5.0, None)


def test_a_process_that_was_replaced_speaks_for_nobody(hand):
    hand.do(modules.announce_instance, "m1", ["main"], 1, HERE, 1.0)
    hand.do(modules.announce_instance, "m1", ["main"], 1, THERE, 2.0)
    hand.do(modules.announce_module, "scheduler", HERE, "", 1.0)
    hand.do(modules.announce_module, "scheduler", THERE, "", 2.0)
    before = hand.everything()
    hand.do(modules.beat_instance, "m1", HERE, 9.0)
    hand.do(modules.stop_instance, "m1", 10, 9.0)
    hand.do(modules.beat_module, "scheduler", HERE, 9.0)
    hand.do(modules.stop_module, "scheduler", 10, 9.0)
    assert hand.everything() == before


def test_modules_are_listed_by_name(hand):
    hand.do(modules.announce_module, "sinks", THERE, "3 sinks", 1.0)
    hand.do(modules.announce_module, modules.SCHEDULER, HERE, "leads", 2.0)
    hand.do(modules.beat_module, "sinks", modules.Process("there", 20, 250), 4.0)
    hand.do(modules.stop_module, modules.SCHEDULER, 10, 6.0)
    assert hand.ask(modules.modules) == [
        modules.Module("scheduler", "here", 10, "leads", 2.0, 6.0, 100, 6.0),
        modules.Module("sinks", "there", 20, "3 sinks", 1.0, 4.0, 250, None),
    ]


def test_each_worker_process_has_a_number_of_its_own(hand):
    numbers = [hand.do(modules.register_worker, "m1", ["main"], "j1", HERE, 1.0) for _ in range(2)]
    assert numbers == sorted(set(numbers))
    hand.do(modules.announce_worker, numbers[0], ["bulk"], ["127.0.1.7"])
    first, second = hand.ask(modules.live_workers)
    assert first == modules.Worker(
        numbers[0], "m1", ("bulk",), "here", 10, "j1", "alive", ("127.0.1.7",), 1.0, 1.0, 100
    )
    assert (second.affinities, second.unbindable) == (("main",), ())


def test_a_heartbeat_renews_the_leases_that_it_names(hand, clock):
    hand.submit([f"{n}@a.test" for n in range(6)])
    author, other = hand.worker(), hand.worker()
    one, two, three = hand.grants(author)
    now = clock.now()
    hand.do(leases.lease, [one, two], now, now + LEASE)
    (theirs,) = hand.lease(other)
    clock.advance(1.0)
    until = clock.now() + LEASE
    named = [one.part_id, theirs.part_id]
    assert hand.do(modules.beat_worker, author.worker_id, 7, named, clock.now(), until)
    ends = {each.part_id: each.leased_until for each in hand.ask(leases.leases)}
    assert ends == {one.part_id: until, two.part_id: now + LEASE, three.part_id: now + LEASE}
    first, _ = hand.ask(modules.live_workers)
    assert (first.heartbeat_at, first.memory_bytes) == (clock.now(), 7)


def test_a_worker_that_ended_is_told_so(hand):
    author = hand.worker()
    assert hand.do(modules.beat_worker, author.worker_id, 7, [], 2.0, 3.0)
    hand.do(modules.end_worker, author.worker_id, modules.STOPPED, 4.0)
    assert not hand.do(modules.beat_worker, author.worker_id, 8, [], 5.0, 6.0)
    (found,) = hand.ask(modules.all_workers)
    assert (found.state, found.heartbeat_at, found.memory_bytes) == ("stopped", 4.0, 7)
    assert hand.ask(modules.live_workers) == []
