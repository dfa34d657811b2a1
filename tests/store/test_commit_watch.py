"""Store.watch: who looks again and again is told of every commit, whoever made it."""

from mail.states import DeliveryStatus
from store import deliveries, leases
from store.schema import open_store


def test_it_tells_of_commits_of_other_connections_and_of_our_own(store, hand):
    watch = store.watch()
    assert watch.has_changed(), "what was there before it began is news too"
    hand.create()
    assert watch.has_changed()


def test_it_never_misses_a_commit_and_a_file_does_not_cry_wolf(tmp_path):
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    ours, other = open_store(url), open_store(url)
    new = deliveries.NewDelivery("x", "promo", 0, 8, 0.0, 0.0, 9e9, "m.eml", b"")
    try:
        watch = ours.watch()
        assert watch.has_changed()
        for store in (other, ours, other):
            assert not watch.has_changed()
            ours.read_now(deliveries.is_any_unfinished)
            assert not watch.has_changed(), "reading is no change"
            store.write_now(deliveries.create, new)
            assert watch.has_changed()
    finally:
        ours.close()
        other.close()


def test_it_tells_of_a_row_that_there_is(store, hand):
    watch = store.watch()
    author = hand.worker()
    hand.submit(["a@a.test"])
    hand.lease(author)
    assert deliveries.may_be_any(watch, DeliveryStatus.PAUSED, DeliveryStatus.IN_PROGRESS)
    assert leases.may_be_lent(watch, author.worker_id)
    assert leases.may_be_any(watch)


def test_a_file_knows_that_there_is_none(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'lab.db'}")
    try:
        watch = store.watch()
        assert not deliveries.may_be_any(watch, *DeliveryStatus)
        assert not leases.may_be_lent(watch, 1)
        assert not leases.may_be_any(watch)
    finally:
        store.close()
