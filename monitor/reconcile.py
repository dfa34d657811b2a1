"""Holds the receivers' receipts against the store: the arbiter of what really happened.

A receipt is what a sink wrote down before it said 250; a status is what a worker learnt of it. The
two are made by different processes that share nothing, so where they agree, both are right.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mail.message_id import parse_message_id_header, parse_return_path
from mail.states import MessageStatus
from store import inbound, log
from store.engine import Store

SAMPLES: Final = 20  # numbers shown of each kind of disagreement


@dataclass(frozen=True, slots=True)
class Seen:
    """A receipt as far as it matters here."""

    message_id: str | None  # the header
    mail_from: str  # which tells as much, and is ours whatever an application wrote
    peer_ip: str


@dataclass(slots=True)
class Disagreement:
    """One kind of it: how many messages, and the first of them."""

    count: int = 0
    samples: list[int] = field(default_factory=list)

    def add(self, message_id: int) -> None:
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(message_id)


@dataclass(slots=True)
class Reconciliation:
    """The verdict. Each message counts once in each kind that fits it."""

    receipts: int = 0
    messages: int = 0  # in the store
    sent: int = 0  # of them, marked sent
    foreign: int = 0  # receipts of messages that are not this lab's
    lost: Disagreement = field(default_factory=Disagreement)  # marked sent, never received
    unmarked: Disagreement = field(default_factory=Disagreement)  # received, marked otherwise
    in_doubt: Disagreement = field(default_factory=Disagreement)  # received, still pending
    duplicated: Disagreement = field(default_factory=Disagreement)  # received more than once
    wrong_ip: Disagreement = field(default_factory=Disagreement)  # from an IP not allowed
    bounced: int = 0  # messages that were sent, and failed when their bounce came
    returned: int = 0  # mails that sinks sent back, and that were taken
    kept: int = 0  # of them, those that the store has

    def is_ok(self, duplicates_allowed: int = 0) -> bool:
        """Whether receipts and statuses agree."""
        wrong = self.lost, self.unmarked, self.in_doubt, self.wrong_ip
        return (
            not any(each.count for each in wrong)
            and self.duplicated.count <= duplicates_allowed
            and self.kept == self.returned
        )

    def as_json(self, duplicates_allowed: int = 0) -> dict[str, Any]:
        """The shape that ``docs/json.md`` promises."""
        kinds = ("lost", "unmarked", "in_doubt", "duplicated", "wrong_ip")
        return {
            "ok": self.is_ok(duplicates_allowed),
            "receipts": self.receipts,
            "messages": self.messages,
            "sent": self.sent,
            "foreign": self.foreign,
            "bounced": self.bounced,
            "bounces_async": {"returned": self.returned, "kept": self.kept},
            **{
                kind: {"messages": getattr(self, kind).count, "ids": getattr(self, kind).samples}
                for kind in kinds
            },
        }


AllowedIps = Callable[[int], Collection[str] | None]  # delivery → IPs; None: unknown affinity


def reconcile(
    store: Store, receipts: Iterable[Seen], allowed: AllowedIps, returned: Iterable[str] = ()
) -> Reconciliation:
    """Compare all receipts with all messages of the store.

    ``returned``: digests (``mail.inbound.digest_of``) of what sinks sent back and was taken.
    Memory: one number per message received, one digest per mail sent back.
    """
    found = Reconciliation()
    received: Counter[int] = Counter()
    ips: dict[int, set[str]] = {}
    for receipt in receipts:
        found.receipts += 1
        mark = parse_return_path(receipt.mail_from)
        if mark is None and receipt.message_id is not None:
            mark = parse_message_id_header(receipt.message_id)
        if mark is None:
            found.foreign += 1
            continue
        received[mark.message_id] += 1
        permitted = allowed(mark.delivery_id)
        if permitted is not None and receipt.peer_ip not in permitted:
            ips.setdefault(mark.message_id, set()).add(receipt.peer_ip)
    known: set[int] = set()
    for page in _pages(store):
        odd = [each.id for each in page if _is_odd(each, received[each.id])]
        bounced = store.read_now(inbound.bounced, odd) if odd else Counter[int]()
        for message in page:
            known.add(message.id)
            _compare(found, message, received[message.id], bounced[message.id])
            if message.id in ips:
                found.wrong_ip.add(message.id)
    found.foreign += sum(count for number, count in received.items() if number not in known)
    digests = set(returned)
    found.returned = len(digests)
    found.kept = len(store.read_now(inbound.known_digests, digests))
    return found


def _is_odd(message: log.Message, received: int) -> bool:
    """Whether receipts need another word than that it was sent: a bounce that came later."""
    return received > (message.status is MessageStatus.SENT)


def _compare(found: Reconciliation, message: log.Message, received: int, bounced: int) -> None:
    """Compare one message; each bounce that came later accounts for one receipt."""
    times = received - bounced
    found.messages += 1
    found.bounced += bounced > 0
    if message.status is MessageStatus.SENT:
        found.sent += 1
        if times <= 0:
            found.lost.add(message.id)
    elif times > 0 and message.status is MessageStatus.PENDING:
        found.in_doubt.add(message.id)
    elif times > 0:
        found.unmarked.add(message.id)
    if times > 1:
        found.duplicated.add(message.id)


def _pages(store: Store) -> Iterator[list[log.Message]]:
    last = 0
    while rows := store.read_now(log.messages, log.Filter(), after_id=last, limit=10_000):
        yield rows
        last = rows[-1].id
