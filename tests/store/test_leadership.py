"""try_lead: one scheduler at a time."""

import pytest
from sqlalchemy import text

from store.errors import StoreUnavailable
from store.schema import open_store


@pytest.fixture
def rival(store_url, store):
    """Another program on the same store."""
    other = open_store(store_url)
    yield other
    other.close()


def test_only_one_leads_and_the_next_may_once_it_has_ended(store, rival):
    first = store.try_lead()
    assert first is not None
    assert first.is_held()
    assert rival.try_lead() is None
    assert store.try_lead() is None

    first.release()
    assert not first.is_held()
    second = rival.try_lead()
    assert second is not None
    assert store.try_lead() is None
    second.release()


def test_who_was_refused_holds_nothing_back(store, rival):
    first = store.try_lead()
    for _ in range(20):  # more often than the pool has connections
        assert rival.try_lead() is None
    first.release()


def test_leading_does_not_keep_others_from_writing(store, rival):
    leader = store.try_lead()
    rival.write_now(lambda tx: tx.connection.execute(text("DELETE FROM lane")))
    store.write_now(lambda tx: tx.connection.execute(text("DELETE FROM lane")))
    leader.release()


@pytest.mark.parametrize("engine_name", [pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_a_leader_whose_connection_broke_knows_that_it_leads_no_more(store, rival):
    leader = store.try_lead()
    end_sessions = text(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    rival.write_now(lambda tx: tx.connection.execute(end_sessions))
    assert not leader.is_held()
    assert not leader.is_held()
    second = rival.try_lead()
    assert second is not None
    assert not leader.is_held()
    leader.release()
    assert second.is_held()
    second.release()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_lock_that_cannot_be_made_is_explained(store, new_database, tmp_path):
    folder = tmp_path / "lab.scheduler.lock"
    folder.mkdir()
    other = open_store(f"sqlite:///{tmp_path / 'lab.db'}")
    with pytest.raises(StoreUnavailable, match="cannot lock the store"):
        other.try_lead()
    other.close()


def test_a_store_in_memory_is_always_led():
    store = open_store("sqlite://", inline=True)
    leader = store.try_lead()
    assert leader is not None
    assert leader.is_held()
    leader.release()
    store.close()
