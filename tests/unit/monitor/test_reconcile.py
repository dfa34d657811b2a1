"""The arbiter: every way in which receipts and statuses can disagree, one by one."""

import pytest

from mail.message_id import message_id_header
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from monitor.reconcile import Seen, reconcile
from store import deliveries, leases, modules, parts, settlement
from store.schema import open_store
from store.transitions import Author, Outcome

NOW = 1_750_000_000.0
IP = "127.0.1.1"
SENT, FAILED, PENDING = 1, 2, 3


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """A store with one message of each kind: 1 sent, 2 failed, 3 pending."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/lab.db")
    new = deliveries.NewDelivery("x", "promo", 0, 8, NOW, NOW, NOW + 60, "m.eml", b"")
    delivery = store.write_now(deliveries.create, new)
    people = [parts.NewMessage(f"u{n}@a.test", "a.test", "{}") for n in range(3)]
    store.write_now(parts.add, delivery, [parts.NewPart("a", (IP,), people)], NOW)
    store.write_now(deliveries.confirm, delivery, NOW)
    process = modules.Process("h", 1, 1)
    worker = store.write_now(modules.register_worker, "m1", ["promo"], "j", process, NOW)
    grant = leases.Grant(1, delivery, worker, IP, f"{IP}>a")
    store.write_now(leases.lease, [grant], NOW, NOW + 15)
    verdicts = {
        SENT: Verdict(MessageEvent.ACCEPTED, None, None, "ok", 250),
        FAILED: Verdict(MessageEvent.REFUSED, FailureType.HARD, Reason.USER_UNKNOWN, "no", 550),
    }
    outcomes = [
        Outcome(number, delivery, 1, 1, "u@a.test", 1, NOW, verdict, None, IP, "a", 1.0, 10)
        for number, verdict in verdicts.items()
    ]
    store.write_now(settlement.settle, Author("m1", worker), settlement.Settlement(outcomes), NOW)
    yield store
    store.close()


def seen(*numbers: int, ip: str = IP, domain: str = "x.test") -> list[Seen]:
    return [Seen(message_id_header(1, number, domain), "a@b.test", ip) for number in numbers]


def verdict(store, receipts):
    return reconcile(store, receipts, lambda _delivery: {IP})


def test_one_receipt_for_each_sent_message_and_no_other_is_fine(ledger):
    found = verdict(ledger, seen(SENT))
    assert found.is_ok()
    assert (found.receipts, found.messages, found.sent) == (1, 3, 1)


def test_marked_sent_without_a_receipt_is_lost(ledger):
    found = verdict(ledger, [])
    assert found.lost.samples == [SENT]
    assert not found.is_ok()


def test_received_but_marked_failed(ledger):
    found = verdict(ledger, seen(SENT, FAILED))
    assert found.unmarked.samples == [FAILED]
    assert not found.is_ok()


def test_received_but_still_pending(ledger):
    found = verdict(ledger, seen(SENT, PENDING))
    assert found.in_doubt.samples == [PENDING]
    assert not found.is_ok()


def test_received_twice_unless_that_many_are_allowed(ledger):
    found = verdict(ledger, seen(SENT, SENT, SENT))
    assert found.duplicated.count == 1
    assert not found.is_ok()
    assert found.is_ok(duplicates_allowed=1)


def test_from_an_ip_that_the_affinity_does_not_have(ledger):
    found = verdict(ledger, seen(SENT, ip="127.0.9.9"))
    assert found.wrong_ip.samples == [SENT]
    assert not found.is_ok()


def test_other_peoples_mail_is_counted_and_does_no_harm(ledger):
    others = [Seen(None, "", IP), Seen("<abc@elsewhere>", "", IP), *seen(77)]
    found = verdict(ledger, [*seen(SENT), *others])
    assert found.foreign == 3
    assert found.is_ok()


def test_the_verdict_as_json(ledger):
    assert verdict(ledger, seen(SENT, SENT)).as_json() == {
        "ok": False,
        "receipts": 2,
        "messages": 3,
        "sent": 1,
        "foreign": 0,
        "bounced": 0,
        "bounces_async": {"returned": 0, "kept": 0},
        "lost": {"messages": 0, "ids": []},
        "unmarked": {"messages": 0, "ids": []},
        "in_doubt": {"messages": 0, "ids": []},
        "duplicated": {"messages": 1, "ids": [SENT]},
        "wrong_ip": {"messages": 0, "ids": []},
    }


def test_the_return_path_tells_whose_it_is_whatever_an_application_wrote(ledger):
    receipt = Seen("<its.own@app.test>", f"bounce+1-{SENT}@x.test", IP)
    assert verdict(ledger, [receipt]).is_ok()
