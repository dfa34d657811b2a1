"""The ways of messages, read for traces."""

from sqlalchemy import insert

from store import journeys, tables
from tests.store.test_tail import ROW


def test_the_log_is_read_page_by_page(store):
    with store.writing.begin() as connection:
        for message_id in (1, 2, 1):
            connection.execute(insert(tables.transition).values({**ROW, "message_id": message_id}))
    first = store.read_now(journeys.after, 0, 100, 2)
    assert [message_id for _, message_id in first] == [1, 2]
    rest = store.read_now(journeys.after, first[-1][0], 100, 2)
    assert [message_id for _, message_id in rest] == [1]
    assert store.read_now(journeys.after, 0, first[0][0], 9) == first[:1]


def test_who_is_not_there_has_no_way(store):
    assert store.read_now(journeys.journeys, [5, 6]) == []
    assert store.read_now(journeys.of_delivery, 1, 0, 10) == []
