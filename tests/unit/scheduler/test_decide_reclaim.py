"""Which leases are taken back, and why."""

from scheduler.decide.reclaim import Holder, Lease, Stale, StaleLease, stale_leases

LEASE = Lease(part_id=7, worker_id=1, leased_until=100.0)


def holder(heartbeat_at, *, is_dead=False):
    return {1: Holder(worker_id=1, heartbeat_at=heartbeat_at, lease_s=15.0, is_dead=is_dead)}


def test_a_lease_that_still_runs_stays_even_if_its_worker_is_silent():
    assert stale_leases([LEASE], holder(0.0), now=99.9) == []


def test_a_heartbeat_renews_what_the_worker_holds():
    assert stale_leases([LEASE], holder(95.0), now=109.9) == []


def test_a_worker_that_was_silent_for_a_whole_lease_loses_its_parts():
    assert stale_leases([LEASE], holder(95.0), now=110.0) == [StaleLease(LEASE, Stale.SILENT)]


def test_a_dead_worker_is_not_waited_for():
    stale = stale_leases([LEASE], holder(50.0, is_dead=True), now=50.0)
    assert stale == [StaleLease(LEASE, Stale.DEAD)]


def test_an_unknown_worker_keeps_its_lease_to_the_end():
    assert stale_leases([LEASE], {}, now=99.9) == []
    assert stale_leases([LEASE], {}, now=100.0) == [StaleLease(LEASE, Stale.UNKNOWN)]


def test_leases_are_answered_in_their_order():
    leases = [Lease(part, 1, 0.0) for part in (3, 1, 2)]
    assert [stale.lease for stale in stale_leases(leases, {}, now=1.0)] == leases
