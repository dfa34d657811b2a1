"""The databases of these tests: one is used again only if nothing tells it from a new one."""

import psycopg
import pytest
from sqlalchemy import text

from store.schema import open_store
from tests.store.hand import Hand

pytestmark = pytest.mark.postgresql


def plain(url):
    return url.replace("+psycopg", "")


def test_one_is_empty_again_whatever_was_left_in_it_and_connected_to_it(postgresql_server, clock):
    with postgresql_server.empty_database() as first:
        store = open_store(first)
        Hand(store, clock).submit(["a@a.test"])
        left = psycopg.connect(plain(first))
        left.execute("SELECT pg_advisory_lock(1)")
        left.execute("UPDATE delivery SET label = 'locked'")
    with postgresql_server.empty_database() as second:
        assert second == first
        again = open_store(second)
        hand = Hand(again, clock)
        assert hand.statuses() == []
        assert hand.submit(["b@b.test"]) == 1
        again.close()
    left.close()
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE part ADD COLUMN odd int",
        "DROP INDEX message_due",
        "ALTER TABLE message DROP CONSTRAINT message_status",
        "UPDATE alembic_version SET version_num = '9999'",
        "CREATE TABLE odd (id int)",
    ],
)
def test_one_that_was_changed_is_not_used_again(postgresql_server, change):
    with postgresql_server.empty_database() as first:
        store = open_store(first)
        with store.engine.begin() as connection:
            connection.execute(text(change))
        store.close()
    with postgresql_server.empty_database() as second:
        assert second != first
