"""A hand on a store for tests: short verbs over its operations, the invariants checked after each.

One domain is one MX group of its own (``a.test`` → ``a``) unless a test says otherwise.
"""

from collections.abc import Sequence

import orjson
from sqlalchemy import func, select

from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from scheduler.decide import cut as decide
from scheduler.decide.expire import expiry_event
from store import deliveries, expiry, leases, log, modules, parts, settlement, tables, transitions
from store.engine import Store
from tests.fakes.clock import FakeClock
from tests.store import invariants

DAY = 86_400.0
LEASE = 15.0
IPS = ("127.0.1.1", "127.0.1.2")
ACCEPTED = Verdict(MessageEvent.ACCEPTED, None, None, "2.0.0 queued", 250, "2.0.0")
DEFERRED = Verdict(
    MessageEvent.DEFERRED, FailureType.IGNORED, Reason.GREYLISTED, "4.7.1 later", 451, "4.7.1"
)
REFUSED = Verdict(
    MessageEvent.REFUSED, FailureType.IGNORED, Reason.REFUSED, "5.7.1 no", 550, "5.7.1"
)
UNKNOWN_USER = Verdict(
    MessageEvent.REFUSED, FailureType.HARD, Reason.USER_UNKNOWN, "5.1.1 who?", 550, "5.1.1"
)


class Hand:
    """Does things to a store and checks after each that everything still agrees."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock

    def do(self, operation, *args, **kwargs):
        """One write transaction."""
        result = self.store.write_now(operation, *args, **kwargs)
        invariants.check(self.store)
        return result

    def ask(self, operation, *args, **kwargs):
        """One read transaction."""
        return self.store.read_now(operation, *args, **kwargs)

    def worker(self, instance: str = "m1") -> transitions.Author:
        """A new worker that announces itself."""
        process = modules.Process("host", 4711, 1 << 20)
        number = self.do(
            modules.register_worker, instance, ["main"], "j.log", process, self.clock.now()
        )
        return transitions.Author(instance, number)

    def create(self, *, part_size: int = 2, wait: float = 0.0, validity: float = 5 * DAY) -> int:
        now = self.clock.now()
        new = deliveries.NewDelivery(
            "spring", "main", 0, part_size, now, now + wait, now + validity, "mail.eml", b"Hello"
        )
        return self.do(deliveries.create, new)

    def add(
        self, delivery_id: int, addresses: Sequence[str], part_size: int = 2, source_ips=IPS
    ) -> None:
        """Add messages, cut into parts by domain."""
        by_domain: dict[str, list[str]] = {}
        for each in addresses:
            by_domain.setdefault(each.rpartition("@")[2], []).append(each)
        new = [
            parts.NewPart(
                domain.partition(".")[0],
                source_ips,
                [parts.NewMessage(each, domain, _fields(each)) for each in chosen[at:][:part_size]],
            )
            for domain, chosen in by_domain.items()
            for at in range(0, len(chosen), part_size)
        ]
        self.do(parts.add, delivery_id, new, self.clock.now())

    def submit(self, addresses: Sequence[str] = ("x@a.test", "y@a.test"), **of_delivery) -> int:
        """A confirmed delivery."""
        delivery_id = self.create(**of_delivery)
        self.add(delivery_id, addresses, of_delivery.get("part_size", 2))
        self.do(deliveries.confirm, delivery_id, self.clock.now())
        return delivery_id

    def queued(self, per_way: int = 10_000) -> list[parts.Queued]:
        return self.ask(parts.queued, self.clock.now(), per_way)

    def grants(self, author: transitions.Author, lane: str = "lane") -> list[leases.Grant]:
        """All that waits, for one worker."""
        return [
            leases.Grant(each.part_id, each.delivery_id, author.worker_id, IPS[0], lane)
            for each in self.queued()
        ]

    def lease(self, author: transitions.Author, lane: str = "lane") -> list[leases.LeasedPart]:
        """Lend all that waits; returns all that the worker holds."""
        now = self.clock.now()
        self.do(leases.lease, self.grants(author, lane), now, now + LEASE)
        return self.ask(leases.leased_to, author.worker_id)

    def outcomes(
        self,
        lent: leases.LeasedPart,
        verdict: Verdict = ACCEPTED,
        *,
        retry_in: float = 3600.0,
    ) -> list[transitions.Outcome]:
        """One outcome for each message that the part still holds."""
        now = self.clock.now()
        is_deferral = verdict.event is MessageEvent.DEFERRED
        return [
            transitions.Outcome(
                each.message_id,
                lent.delivery_id,
                lent.part_id,
                lent.epoch,
                each.address,
                each.attempts + 1,
                now,
                verdict,
                now + retry_in if is_deferral else None,
                lent.source_ip,
                lent.mx_group,
                12.5,
                4096,
            )
            for each in self.ask(leases.messages_of, [lent.part_id])[lent.part_id]
        ]

    def settle(
        self,
        author: transitions.Author,
        outcomes: Sequence[transitions.Outcome] = (),
        *,
        finished: Sequence[leases.LeasedPart] = (),
        released: Sequence[leases.LeasedPart] = (),
        tats: dict[str, float] | None = None,
    ) -> transitions.Recorded:
        report = settlement.Settlement(
            outcomes,
            [(each.part_id, each.epoch) for each in finished],
            [(each.part_id, each.epoch) for each in released],
            tats,
        )
        return self.do(settlement.settle, author, report, self.clock.now())

    def cut(self) -> int:
        """What a scheduler's round does for retries; returns how many were due."""
        due = self.ask(parts.due, self.clock.now(), 1000)
        waiting = [
            decide.DueMessage(each.message_id, each.delivery_id, each.mx_group, each.source_ips)
            for each in due
        ]
        sizes = self.ask(deliveries.part_sizes, sorted({each.delivery_id for each in due}))
        cuts = [
            parts.Cut(each.delivery_id, each.mx_group, each.source_ips, each.message_ids)
            for each in decide.cut(waiting, sizes)
        ]
        self.do(parts.cut, cuts, {each.message_id: each.domain for each in due})
        return len(due)

    def expire(self) -> int:
        """End all that is late; returns how many."""
        ended = 0
        while found := self.expire_some(1000):
            ended += found
        return ended

    def expire_some(self, limit: int) -> int:
        return self.do(expiry.expire, self.clock.now(), limit, expiry_event)

    def finish(self) -> list[int]:
        return self.do(deliveries.finish_complete, self.clock.now())

    def messages(self, **wanted) -> list[log.Message]:
        return self.ask(log.messages, log.Filter(**wanted))

    def transitions(self, **wanted) -> list[log.Transition]:
        return self.ask(log.transitions, log.Filter(**wanted))

    def statuses(self, **wanted) -> list[str]:
        return [str(each.status) for each in self.messages(**wanted)]

    def delivery_status(self, delivery_id: int) -> str:
        return str(self.ask(deliveries.get, delivery_id).status)

    def count(self, table) -> int:
        """Rows of a table."""
        return self.ask(lambda tx: tx.connection.scalar(select(func.count()).select_from(table)))

    def everything(self) -> dict[str, list]:
        """All rows of all tables, to see that something changed nothing."""

        def read(tx):
            return {
                table.name: tx.connection.execute(select(table).order_by(*table.primary_key)).all()
                for table in tables.metadata.sorted_tables
            }

        return self.ask(read)


def _fields(address: str) -> str:
    return orjson.dumps({"address": address}).decode()
