"""Expectations held against what is there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lab.accounts import reconciled
from lab.scenario.count import Bounds
from lab.scenario.outcome import Failure, Seen
from lab.scenario.perform import Stage
from lab.scenario.schema import Expectation, Limit, Why
from lab.scenario.when import seconds_after
from lab.tracking_accounts import tracking_account
from mail.states import MessageStatus
from mail.tracked import Kind
from monitor.why.diagnosis import Diagnosis, causes, diagnose
from sinks.receipts import Receipt, read_receipts
from store import deliveries, log, tracking_accounts

_PAGE: Final = 5000
_SHOWN: Final = 5  # groups of pending messages that a failure shows
_NONE: Final = Bounds(0, 0)
_NEAR_S: Final = 1.0


@dataclass
class Expecting:
    """Checks what a scenario expects, on its stage."""

    stage: Stage
    seen: Seen

    def check(self, expected: Expectation) -> list[Failure]:
        """All that is not as it should be."""
        return list(self._check(expected))

    @property
    def _elapsed(self) -> float:
        return self.stage.lab.clock.now() - self.stage.lab.beginning

    def _check(self, expected: Expectation) -> Iterator[Failure]:
        number = None if expected.delivery is None else self.stage.deliveries.get(expected.delivery)
        whose = "" if expected.delivery is None else f"{expected.delivery}: "
        if expected.delivery is not None and number is None:
            yield self._failure(f"delivery {expected.delivery}", "submitted by now", "it is not")
            return
        if expected.counts:
            counts = self._counts(number)
            for status, count in expected.counts.items():
                if not count.hold(counts[status]):
                    yield self._failure(f"{whose}{status}", str(count), str(counts[status]), number)
        if expected.causes is not None:
            yield from self._causes(expected.causes, whose, number)
        if expected.status is not None and number is not None:
            status_now = self.stage.lab.store.read_now(deliveries.get, number).status
            if status_now != expected.status:
                yield self._failure(f"{whose}status", expected.status, status_now, number)
        if expected.free_to_go_at is not None:
            yield from self._free_to_go(expected, whose, number)
        yield from self._sent(expected, whose, number)
        yield from self._received(expected)
        yield from self._tracked(expected, whose, number)

    # --- what is pending -------------------------------------------------------------------------

    def _counts(self, number: int | None) -> Counter[str]:
        found: Counter[str] = Counter()
        for each in self.stage.deliveries.values():
            if number in (None, each):
                found.update(self.stage.lab.store.read_now(deliveries.get, each).counts)
        return found

    def diagnosis(self, number: int | None) -> Diagnosis:
        lab = self.stage.lab
        return diagnose(
            lab.store,
            lab.loaded.configuration,
            lab.clock.now(),
            delivery=number,
            seen=lab.host_facts(),
        )

    def _causes(
        self, expected: Mapping[Why, Bounds], whose: str, number: int | None
    ) -> Iterator[Failure]:
        found = causes(self.diagnosis(number))
        self.seen.note(found)
        wanted = {str(code): count for code, count in expected.items()}
        for code in dict.fromkeys((*wanted, *found)):
            count = wanted.get(code, _NONE)
            if not count.hold(found.get(code, 0)):
                seen = str(found.get(code, 0))
                yield self._failure(f"{whose}pending because {code}", str(count), seen, number)

    def _free_to_go(
        self, expected: Expectation, whose: str, number: int | None
    ) -> Iterator[Failure]:
        assert expected.free_to_go_at is not None
        beginning = self.stage.lab.beginning
        wanted = seconds_after(beginning, expected.free_to_go_at)
        times = [each.earliest_at for each in self.diagnosis(number).findings]
        known = [each - beginning for each in times if each is not None]
        if not known or abs(min(known) - wanted) > _NEAR_S:
            seen = f"{min(known):.1f} s" if known else "no such time"
            yield self._failure(f"{whose}free to go", f"at {wanted:g} s", seen, number)

    # --- what was sent ---------------------------------------------------------------------------

    def _messages(self, number: int | None) -> Iterator[log.Message]:
        wanted = log.Filter(delivery_id=number, status=MessageStatus.SENT)
        last = 0
        store = self.stage.lab.store
        while rows := store.read_now(log.messages, wanted, after_id=last, limit=_PAGE):
            yield from rows
            last = rows[-1].id

    def _sent(self, expected: Expectation, whose: str, number: int | None) -> Iterator[Failure]:
        if expected.by_ip:
            found = Counter(str(each.source_ip) for each in self._messages(number))
            for address in dict.fromkeys((*expected.by_ip, *found)):
                count = expected.by_ip.get(address, _NONE)
                if not count.hold(found[address]):
                    yield self._failure(
                        f"{whose}sent from {address}", str(count), str(found[address]), number
                    )
        if expected.sent_within is not None:
            for name, each in self.stage.deliveries.items():
                if number in (None, each):
                    yield from self._in_time(name, each, expected.sent_within)
        if expected.order:
            ends = {name: self._last_sent(name) for name in expected.order}
            seen = sorted(expected.order, key=lambda name: ends[name])
            if tuple(seen) != expected.order:
                yield self._failure("order", ", ".join(expected.order), ", ".join(seen), number)

    def _in_time(self, name: str, number: int, within_s: float) -> Iterator[Failure]:
        delivery = self.stage.lab.store.read_now(deliveries.get, number)
        due = max(delivery.submitted_at, delivery.contact_at) + within_s
        late = sum(each.changed_at > due for each in self._messages(number))
        unsent = sum(delivery.counts.values()) - delivery.counts.get(MessageStatus.SENT, 0)
        if late or unsent:
            seen = f"{unsent} not sent, {late} sent later"
            yield self._failure(f"{name}: sent within {within_s:g} s", "all", seen, number)

    def _last_sent(self, name: str) -> float:
        number = self.stage.deliveries.get(name)
        times = [] if number is None else [each.changed_at for each in self._messages(number)]
        return max(times, default=float("inf"))

    # --- what was received -----------------------------------------------------------------------

    def _received(self, expected: Expectation) -> Iterator[Failure]:
        for limit in expected.at_most:
            most = _most_within(list(self._receipts(limit)), limit.per)
            if most > limit.messages:
                where = limit.source_ip or limit.sink or "all"
                yield self._failure(
                    f"accepted from {where} in any {limit.per:g} s",
                    f"at most {limit.messages}",
                    str(most),
                )
        if expected.duplicates is None and expected.lost is None:
            return
        lab = self.stage.lab
        found = reconciled(lab.store, lab.loaded)
        for what, count, ids in (
            ("duplicates", expected.duplicates, found.duplicated),
            ("lost", expected.lost, found.lost),
        ):
            if count is not None and not count.hold(ids.count):
                yield self._failure(what, str(count), str(ids.count))

    def _receipts(self, limit: Limit) -> Iterator[Receipt]:
        for each in read_receipts(self.stage.lab.loaded.directory):
            if limit.source_ip in (None, each.peer_ip) and limit.sink in (None, each.sink):
                yield each

    # --- what came back --------------------------------------------------------------------------

    def _tracked(self, expected: Expectation, whose: str, number: int | None) -> Iterator[Failure]:
        wanted = {
            Kind.OPEN: expected.opens,
            Kind.CLICK: expected.clicks,
            Kind.OPT_OUT: expected.unsubscribes,
        }
        lab = self.stage.lab
        if any(wanted.values()):
            found = lab.store.read_now(tracking_accounts.counted_by_kind, number)
            for kind, count in wanted.items():
                if count is not None and not count.hold(found.get(kind, 0)):
                    seen = str(found.get(kind, 0))
                    yield self._failure(f"{whose}{kind.label} logs", str(count), seen, number)
        if expected.tracking_disagreements is not None:
            account = tracking_account(lab.store, lab.loaded).found
            if not expected.tracking_disagreements.hold(account.disagreements):
                yield self._failure(
                    "disagreements about tracking",
                    str(expected.tracking_disagreements),
                    account.in_words(),
                )

    # --- words -----------------------------------------------------------------------------------

    def _failure(self, what: str, expected: str, seen: str, number: int | None = None) -> Failure:
        return Failure(round(self._elapsed, 3), what, expected, seen, tuple(self._why(number)))

    def _why(self, number: int | None) -> Iterator[str]:
        """What the pending messages wait for, the largest groups first."""
        findings = sorted(self.diagnosis(number).findings, key=lambda each: -each.messages)
        for each in findings[:_SHOWN]:
            stop = "" if each.words.endswith("?") else "."
            fix = f" {each.fix}" if each.fix else ""
            yield f"{each.messages} pending, {each.code}: {each.words}{stop}{fix}"
        if len(findings) > _SHOWN:
            yield f"… and {len(findings) - _SHOWN} groups more"


def _most_within(receipts: Sequence[Receipt], span_s: float) -> int:
    """The most of them within any span of this length."""
    times = sorted(each.time for each in receipts)
    most = start = 0
    for end, time in enumerate(times):
        while time - times[start] >= span_s:
            start += 1
        most = max(most, end - start + 1)
    return most
