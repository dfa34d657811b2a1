"""Many rows in one statement: the same on both databases, for every number of rows."""

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError

from store import tables
from store.errors import StoreUnavailable

NAMES = ("at", "delivery_id", "level", "text")


def rows(count):
    return [(float(at), at % 3, "info", f"row {at} ' \"") for at in range(count)]


def insert(store, count):
    store.write_now(
        lambda tx: tx.dialect.bulk_insert(tx.connection, tables.audit, NAMES, rows(count))
    )


def kept(store):
    columns = [tables.audit.c[name] for name in NAMES]
    query = select(*columns).order_by(tables.audit.c.at)
    return store.read_now(lambda tx: [tuple(row) for row in tx.connection.execute(query)])


def update(store, values, keys, changes):
    return store.write_now(
        lambda tx: tx.dialect.bulk_update(tx.connection, tables.audit, values, keys, changes)
    )


@pytest.mark.parametrize("count", [0, 1, 3, 4, 37, 255, 256, 257, 1100])
def test_all_rows_are_inserted_in_their_order(store, count):
    insert(store, count)
    assert kept(store) == rows(count)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 37, 255, 256, 257, 1100])
def test_those_whose_keys_fit_are_changed_and_no_other(store, count):
    insert(store, count)
    changes = [(f"new {at}", None, float(at), at % 3 if at % 2 else 9) for at in range(count)]
    changed = update(store, ("text", "delivery_id"), ("at", "delivery_id"), changes)
    assert changed == count // 2
    assert kept(store) == [
        (row[0], None, row[2], f"new {at}") if at % 2 else row for at, row in enumerate(rows(count))
    ]


def test_a_row_named_twice_counts_less_than_it_was_asked_for(store):
    insert(store, 2)
    changed = update(store, ("level",), ("at", "level"), [("warning", 1.0, "info")] * 2)
    assert changed == 1
    assert [row[2] for row in kept(store)] == ["info", "warning"]


def test_it_is_all_or_nothing(store):
    insert(store, 300)
    changes = [("x", float(at)) for at in range(299)] + [(None, 299.0)]
    with pytest.raises((DBAPIError, StoreUnavailable)):
        update(store, ("text",), ("at",), changes)
    assert kept(store) == rows(300)


def test_the_statements_of_a_settlement_do_not_grow_with_its_messages(hand, store):
    hand.submit([f"x{at}@a.test" for at in range(400)], part_size=50)
    author = hand.worker()
    lent = hand.lease(author)
    outcomes = [each for part in lent for each in hand.outcomes(part)]
    assert len(outcomes) == 400
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        hand.settle(author, outcomes, finished=lent)
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
    mine = [each for each in statements if "rollup" not in each]
    assert len(mine) < 100, "some statement is said for each message"
