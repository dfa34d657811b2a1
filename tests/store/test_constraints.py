"""What the databases themselves refuse, and text that they cannot keep."""

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from mail.states import DeliveryStatus, MessageStatus
from store import audit, parts, tables
from tests.store.hand import IPS


def write(store, statement, *rows):
    store.write_now(lambda tx: tx.connection.execute(statement, *rows))


@pytest.mark.parametrize(
    ("table", "statuses"),
    [(tables.message, MessageStatus), (tables.delivery, DeliveryStatus)],
    ids=["message", "delivery"],
)
def test_a_status_is_one_of_its_machine(hand, store, table, statuses):
    hand.submit(["x@a.test"])
    for status in statuses:
        write(store, update(table).values(status=str(status)))
    for wrong in ("", "PENDING", "sending", " sent"):
        with pytest.raises(IntegrityError):
            write(store, update(table).values(status=wrong))
    assert {row.status for row in hand.everything()[table.name]} == {str(status)}


@pytest.mark.parametrize(
    "values",
    [
        {"state": "leased"},
        {"state": "leased", "worker_id": 1},
        {"state": "queued", "worker_id": 1},
        {"state": "lost"},
    ],
    ids=str,
)
def test_a_part_is_queued_or_in_somebodys_hand(hand, store, values):
    hand.submit(["x@a.test"])
    before = hand.everything()
    with pytest.raises(IntegrityError):
        write(store, update(tables.part).values(**values))
    assert hand.everything() == before


def test_each_domain_of_a_delivery_has_one_plan(hand, store):
    hand.submit(["x@a.test"])
    row = {"delivery_id": 1, "domain": "a.test", "mx_group": "b", "source_ips": "", "messages": 1}
    with pytest.raises(IntegrityError):
        write(store, insert(tables.delivery_domain), [row])


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_bulk_insert_takes_no_rows_as_nothing_to_do(store, table):
    store.write_now(lambda tx: tx.dialect.bulk_insert(tx.connection, table, ["id"], []))
    store.write_now(lambda tx: tx.dialect.add_up(tx.connection, table, [], []))
    store.write_now(lambda tx: tx.dialect.put(tx.connection, table, []))


def nul_in_bulk(tx):
    message = parts.NewMessage("x\0@a.test", "a.test", "{}")
    audit.note(tx, 1.0, "before")
    parts.add(tx, 1, [parts.NewPart("a", IPS, [message])], 1.0)


def nul_in_a_statement(tx):
    audit.note(tx, 1.0, "before")
    audit.note(tx, 1.0, "a NUL \0 here")


@pytest.mark.parametrize("operation", [nul_in_bulk, nul_in_a_statement])
def test_postgresql_refuses_nul_and_sqlite_keeps_it(hand, engine_name, operation):
    """Whoever lets text in keeps NUL out: addresses and replies are cleaned at their doors."""
    hand.create()
    before = hand.everything()
    if engine_name == "sqlite":
        hand.store.write_now(operation)
        return
    with pytest.raises(DBAPIError, match="NUL"):
        hand.store.write_now(operation)
    assert hand.everything() == before


def test_half_a_surrogate_pair_is_refused_by_both(hand):
    before = hand.everything()
    with pytest.raises((UnicodeEncodeError, StatementError)):
        hand.do(audit.note, 1.0, "\ud800")
    assert hand.everything() == before
