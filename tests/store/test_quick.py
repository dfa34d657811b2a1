"""The quick way of a store in memory answers as the usual way does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, func, select, update

from lab.simulation.storms.brew import storm_of_seed
from lab.simulation.storms.play import play
from store import tables
from store.copies import empty_in_memory
from store.engine import Store
from tests.simulation.soak import folder

LANE = tables.lane
LANES = [("a>x", 1.5), ("b>x", None), ("c>y", 3.0)]


@pytest.fixture
def pair():
    """A store asked the quick way, and the same store asked the usual way."""
    store = empty_in_memory()
    store.write_now(lambda tx: tx.dialect.put(tx.connection, LANE, [_row(*each) for each in LANES]))
    yield store.read_now, lambda operation: Store.read_now(store, operation)
    store.close()


def _row(key, tat):
    return {"key": key, "tat": tat}


def _both(pair, statement, given=None):
    quick, usual = (
        ask(lambda tx: [tuple(row) for row in tx.connection.execute(statement, given)])
        for ask in pair
    )
    assert quick == usual
    return quick


def test_rows_are_the_same_and_have_the_same_names(pair):
    statement = select(LANE.c.key, (LANE.c.tat * 2).label("twice")).order_by(LANE.c.key)
    assert _both(pair, statement) == [("a>x", 3.0), ("b>x", None), ("c>y", 6.0)]
    quick, _ = pair
    first = quick(lambda tx: tx.connection.execute(statement).first())
    assert (first.key, first.twice, first[1]) == ("a>x", 3.0, 3.0)


@pytest.mark.parametrize("keys", [[], ["a>x"], ["a>x", "b>x", "nowhere"]])
def test_lists_of_any_length(pair, keys):
    """One statement, whose text differs by the length of its list alone."""
    statement = select(LANE.c.key).where(LANE.c.key.in_(keys), LANE.c.tat.is_not(None)).limit(5)
    assert _both(pair, statement) == ([("a>x",)] if keys else [])


def test_values_of_its_own_and_values_given(pair):
    for least in (0.0, 2.0):
        query = select(func.count()).where(LANE.c.tat > least, LANE.c.key > bindparam("after"))
        assert _both(pair, query, {"after": "a"}) == [(2 if least == 0.0 else 1,)]
        assert _both(pair, query, {"after": "b"}) == [(1,)]


def test_many_sets_of_values():
    store = empty_in_memory()
    made = store.write_now(
        lambda tx: (
            tx.connection.execute(
                LANE.insert().returning(LANE.c.key, sort_by_parameter_order=True),
                [_row(*each) for each in LANES],
            )
            .scalars()
            .all()
        )
    )
    assert made == [key for key, _ in LANES]
    statement = update(LANE).where(LANE.c.key == bindparam("_key")).values(tat=bindparam("_tat"))
    changed = store.write_now(
        lambda tx: (
            tx.connection.execute(
                statement, [{"_key": "a>x", "_tat": 9.0}, {"_key": "nowhere", "_tat": 1.0}]
            ).rowcount
        )
    )
    assert changed == 1
    store.close()


def test_all_or_nothing():
    store = empty_in_memory()

    def fails(tx):
        tx.dialect.put(tx.connection, LANE, [_row("a>x", 1.0)])
        with tx.connection.begin_nested():
            tx.dialect.put(tx.connection, LANE, [_row("b>x", 1.0)])
        inner = tx.connection.begin_nested()
        tx.dialect.put(tx.connection, LANE, [_row("c>x", 1.0)])
        inner.rollback()
        found = tx.connection.execute(select(LANE.c.key)).scalars().all()
        assert found == ["a>x", "b>x"]
        raise KeyError

    with pytest.raises(KeyError):
        store.write_now(fails)
    count = select(func.count()).select_from(LANE)
    assert store.read_now(lambda tx: tx.connection.scalar(count)) == 0
    store.close()


@given(st.lists(st.tuples(st.text(min_size=1), st.none() | st.floats(0, 1e9)), max_size=20))
def test_what_was_written_is_read(rows):
    store = empty_in_memory()
    wanted = dict(rows)
    store.write_now(
        lambda tx: tx.dialect.put(tx.connection, LANE, [_row(*each) for each in wanted.items()])
    )
    found = store.read_now(lambda tx: tx.connection.execute(select(LANE.c.key, LANE.c.tat)).all())
    assert {row.key: row.tat for row in found} == wanted
    store.close()


def test_a_new_copy_holds_nothing_of_the_one_before():
    first = empty_in_memory()
    first.write_now(lambda tx: tx.dialect.put(tx.connection, LANE, [_row("a>x", 1.0)]))
    first.close()
    first.close()
    second = empty_in_memory()
    count = select(func.count()).select_from(LANE)
    assert second.read_now(lambda tx: tx.connection.scalar(count)) == 0
    second.close()


def test_a_storm_leaves_the_same_log_either_way(monkeypatch):
    with folder() as place:
        quick = play(storm_of_seed(4), 4, place).digest
    copy = type(empty_in_memory())
    monkeypatch.setattr(copy, "read_now", Store.read_now)
    monkeypatch.setattr(copy, "write_now", Store.write_now)
    with folder() as place:
        assert play(storm_of_seed(4), 4, place).digest == quick
