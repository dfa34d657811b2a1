"""Counters behind the reports: fed through every door, and filled from a store without them."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from mail.cause import Cause
from mail.error_kind import ErrorKind, kind_of
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import DeliveryEvent, MessageEvent, MessageStatus
from store import log, operator, schema, tables, transitions
from tests.store.hand import DAY, DEFERRED, REFUSED, UNKNOWN_USER

LOST = Verdict(
    MessageEvent.DEFERRED, FailureType.IGNORED, Reason.UNREACHABLE, "connection lost",
    cause=Cause.DESTINATION_UNREACHABLE,
)  # fmt: skip
UNMADE = Verdict(
    MessageEvent.REFUSED, FailureType.IGNORED, Reason.PERSONALIZATION, "no field `name`"
)
COUNTERS = (
    tables.rollup_domain, tables.rollup_path, tables.rollup_smtp_error, tables.last_reply,
    tables.rollup_quarantine,
)  # fmt: skip


def counted(hand):
    """All counters, without those that are back at nothing."""

    def read(tx):
        return {
            table.name: [
                row
                for row in tx.connection.execute(select(table).order_by(*table.primary_key))
                if getattr(row, "messages", 1)
            ]
            for table in COUNTERS
        }

    return hand.ask(read)


@pytest.fixture
def eventful(hand):
    """A hand on a store in which everything has happened to some message."""
    author = hand.worker()
    verdicts = {"a.test": DEFERRED, "b.test": REFUSED, "c.test": UNKNOWN_USER, "d.test": LOST}
    addresses = [f"u{number}@{domain}" for domain in (*verdicts, "e.test") for number in range(3)]
    first = hand.submit([*addresses, addresses[0]], part_size=3, validity=2 * DAY)
    for lent in hand.lease(author):
        domain = f"{lent.mx_group}.test"
        outcomes = (
            hand.outcomes(lent, verdicts[domain]) if domain in verdicts else hand.outcomes(lent)
        )
        hand.settle(author, outcomes, finished=[lent])
    hand.clock.advance(4000.0)
    unmade = hand.submit(["x@f.test", "u0@c.test", "never@a.test"])
    (part,) = (each for each in hand.lease(author) if each.mx_group == "f")
    hand.settle(author, hand.outcomes(part, UNMADE), finished=[part])
    _bounce(hand, first)
    hand.do(operator.retry, log.Filter(domain="b.test"), 0, 100, hand.clock.now(), DAY)
    hand.clock.advance(3 * DAY)
    hand.expire()
    hand.do(operator.steer, unmade, DeliveryEvent.CANCELLED, hand.clock.now())
    return hand


def _bounce(hand, delivery_id):
    """One message that was sent comes back."""
    sent = hand.messages(delivery_id=delivery_id, status=MessageStatus.SENT)[0]
    standing = transitions.Standing(sent.id, delivery_id, MessageStatus.SENT, sent.attempts)
    hand.do(
        transitions.apply, [standing], MessageEvent.BOUNCED_LATER, hand.clock.now(),
        reason=Reason.MAILBOX_FULL, text="552 full",
    )  # fmt: skip


def test_every_door_feeds_the_counters_and_a_store_without_them_gets_the_same(eventful, store_url):
    before = counted(eventful)
    kinds = {row.kind for row in before["rollup_smtp_error"]}
    assert kinds == {str(each) for each in ErrorKind}
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with eventful.store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0010")
    with eventful.store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema.HEAD)
    assert counted(eventful) == before


def test_a_bounce_that_comes_later_moves_its_message_and_is_no_attempt(eventful):
    rows = counted(eventful)["rollup_domain"]
    of_e = {(row.status, row.reason): row.messages for row in rows if row.domain == "e.test"}
    assert of_e == {("sent", 0): 2, ("failed", int(Reason.MAILBOX_FULL)): 1}


def test_the_last_reply_of_a_path_is_the_newest(hand):
    author = hand.worker()
    hand.submit(["x@a.test"])
    for said in ("4.7.1 once", "4.7.1 again"):
        (lent,) = hand.lease(author)
        hand.settle(author, hand.outcomes(lent, DEFERRED._replace(text=said)), finished=[lent])
        hand.clock.advance(3601.0)
        hand.cut()
    (reply,) = counted(hand)["last_reply"]
    assert (reply.kind, reply.code, reply.text) == ("errors", 451, "4.7.1 again")


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [(DEFERRED, ErrorKind.ERRORS), (REFUSED, ErrorKind.REFUSED), (LOST, ErrorKind.ABORTED),
     (UNMADE, ErrorKind.UNSENT)],
)  # fmt: skip
def test_kinds_of_errors(verdict, kind):
    assert kind_of(verdict) is kind
