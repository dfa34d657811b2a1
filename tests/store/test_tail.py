"""How far a log can be read without leaving a gap behind."""

import contextlib
import random

import pytest
from sqlalchemy import insert, select

from store import tables, tail

on_postgresql = pytest.mark.parametrize(
    "engine_name", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
ROW = {
    "message_id": 1,
    "delivery_id": 1,
    "at": 0.0,
    "event": "accepted",
    "from_status": "pending",
    "to_status": "sent",
    "attempt": 1,
}


def add(connection):
    result = connection.execute(insert(tables.transition).values(**ROW))
    return result.inserted_primary_key[0]


def test_an_empty_log_is_settled(store):
    end = tail.of_transitions()
    assert store.read_now(end.advance) == 0
    assert not end.is_waiting


def test_what_is_committed_is_settled(store):
    with store.writing.begin() as connection:
        numbers = [add(connection) for _ in range(3)]
    assert store.read_now(tail.of_transitions().advance) == numbers[-1]


@on_postgresql
def test_a_higher_number_that_commits_first_is_not_read_past_the_lower_one(store):
    end = tail.of_transitions()
    with contextlib.ExitStack() as slow:
        first = slow.enter_context(store.writing.begin())
        lower = add(first)
        with store.writing.begin() as second:
            higher = add(second)
        assert higher > lower
        assert store.read_now(end.advance) < lower
        assert end.is_waiting
        with store.writing.begin() as third:
            add(third)
        assert store.read_now(end.advance) < lower
    assert store.read_now(end.advance) > higher


@on_postgresql
def test_writers_that_came_later_are_not_waited_for(store):
    end = tail.of_transitions()
    with contextlib.ExitStack() as later:
        with contextlib.ExitStack() as slow:
            first = slow.enter_context(store.writing.begin())
            add(first)
            with store.writing.begin() as second:
                higher = add(second)
            store.read_now(end.advance)
            third = later.enter_context(store.writing.begin())
            add(third)
        assert store.read_now(end.advance) == higher
        assert end.is_waiting


@on_postgresql
def test_whatever_the_order_of_commits_each_row_is_read_once_in_order(store):
    """Three writers that insert, commit and roll back as dice have it, beside a reader."""
    dice = random.Random(7)
    end, read, committed = tail.of_transitions(), [], set()
    table = tables.transition
    held = 0
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(store.writing.connect()) for _ in range(3)]
        open_rows = [[], [], []]
        for _ in range(300):
            which = dice.randrange(3)
            match dice.choice(("add", "add", "commit", "rollback", "read", "read")):
                case "add":
                    open_rows[which].append(add(connections[which]))
                case "commit":
                    connections[which].commit()
                    committed.update(open_rows[which])
                    open_rows[which].clear()
                case "rollback":
                    connections[which].rollback()
                    open_rows[which].clear()
                case _:
                    up_to = store.read_now(end.advance)
                    held += end.is_waiting
                    read += rows(store, table, read[-1] if read else 0, up_to)
        for connection in connections:
            connection.rollback()
    up_to = store.read_now(end.advance)
    read += rows(store, table, read[-1] if read else 0, store.read_now(end.advance) or up_to)
    assert held, "the reader never had to wait: nothing was tried"
    assert read == sorted(committed)


def rows(store, table, after, up_to):
    query = select(table.c.id).where(table.c.id > after, table.c.id <= up_to).order_by(table.c.id)
    return store.read_now(lambda tx: tx.connection.execute(query).scalars().all())
