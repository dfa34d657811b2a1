"""From the store's view to groups of messages that stand alike; each pending one is in one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from affinity.affinity import source_ips_for
from monitor.why.facts import Facts
from monitor.why.group import Group, Hand, Place, Stand, Wave
from store import pending, pending_one
from store.pending import Lent, Retrying, View
from store.pending_plans import Plan, Retry
from store.reports import LaneReport

TAKING_UP_S: Final = 0.5  # what was lent so shortly before a beat may not be in what it tells


@dataclass(frozen=True, slots=True)
class Details:
    """What is read beside the view, where a group needs it."""

    plans: Mapping[tuple[int, str], Sequence[Plan]]
    split: Mapping[Retrying, Sequence[Retry]]  # retries of more than one plan
    last: Mapping[Retrying, pending_one.Last]
    queued_at: Mapping[int, float]  # by part
    known: Mapping[int, int]  # messages of a part whose outcome is in a journal


def groups(view: View, details: Details, facts: Facts, delivery: int | None) -> list[Group]:
    """All groups of one delivery or of all, in the order of deliveries and MX groups."""
    made = [
        *_queued(view, details, facts),
        *_retrying(view, details, facts),
        *_in_hand(view, details, facts),
    ]
    if delivery is not None:
        made = [each for each in made if each.delivery.id == delivery]
    return sorted(made, key=lambda each: (each.delivery.id, each.mx_group, each.place))


def _queued(view: View, details: Details, facts: Facts) -> Iterator[Group]:
    for each in view.queued:
        planned, domain = each.source_ips, None
        if not planned:
            domain = _domain(details, each.delivery_id, each.mx_group, ())
            planned = admitted(view, facts, each.delivery_id, each.mx_group, domain)
        yield Group(
            Place.QUEUED,
            view.deliveries[each.delivery_id],
            each.mx_group,
            each.messages,
            planned,
            domain=domain,
            wave=_wave(view, each),
            first_part=each.first_part,
            queued_at=details.queued_at.get(each.first_part),
            part_messages=max(1, each.messages // each.parts),
        )


def _wave(view: View, each: pending.Queued) -> Wave | None:
    if each.wave is None:
        return None
    starts_at = view.waves.get((each.delivery_id, each.wave))
    return None if starts_at is None else Wave(each.wave, starts_at)


def awaited_wave(view: View, delivery_id: int, due_at: float) -> Wave | None:
    """The wave that begins then: what was never tried, and is in no part, waits for its wave."""
    ahead = [
        Wave(number, starts_at)
        for (each, number), starts_at in view.waves.items()
        if each == delivery_id and starts_at >= due_at
    ]
    return min(ahead, key=lambda each: each.starts_at, default=None)


def admitted(
    view: View, facts: Facts, delivery_id: int, mx_group: str, domain: str | None
) -> tuple[str, ...]:
    """Of mail that no route leads out, the IPs that masks would admit: the route is to blame."""
    affinity = facts.affinity(view.deliveries[delivery_id].affinity)
    if affinity is None or domain is None:
        return ()
    if facts.route(mx_group) is not None and not facts.closed(mx_group):
        return ()
    return tuple(each.address for each in source_ips_for(affinity, domain))


def _domain(
    details: Details, delivery_id: int, mx_group: str, source_ips: tuple[str, ...]
) -> str | None:
    plans = details.plans.get((delivery_id, mx_group), ())
    return next((each.domain for each in plans if each.source_ips == source_ips), None)


def _retrying(view: View, details: Details, facts: Facts) -> Iterator[Group]:
    for each in view.retrying:
        plans = details.plans.get((each.delivery_id, each.mx_group), ())
        parts = details.split.get(each)
        if parts is None:
            source_ips = plans[0].source_ips if plans else ()
            parts = [Retry(source_ips, each.messages, each.due, each.next_at)]
        for part in parts:
            domain = _domain(details, each.delivery_id, each.mx_group, part.source_ips)
            planned = part.source_ips or admitted(
                view, facts, each.delivery_id, each.mx_group, domain
            )
            for place, messages, due_at in (
                (Place.QUEUED, part.due, each.earliest_at),
                (Place.RETRYING, part.messages - part.due, part.next_at or 0.0),
            ):
                if messages:
                    yield Group(
                        place,
                        view.deliveries[each.delivery_id],
                        each.mx_group,
                        messages,
                        planned,
                        due_at=due_at,
                        waits_for=each.cause,
                        wave=awaited_wave(view, each.delivery_id, due_at)
                        if place is Place.RETRYING and each.cause is None
                        else None,
                        domain=domain,
                        last=details.last.get(each),
                    )


def _in_hand(view: View, details: Details, facts: Facts) -> Iterator[Group]:
    def at(part: Lent) -> tuple[int, str, str]:
        return part.worker_id, part.lane, part.source_ip

    told = {(each.worker_id, each.lane, each.source_ip): each for each in view.reports}
    for key, found in groupby(sorted(view.lent, key=at), key=at):
        parts = list(found)
        counts: dict[tuple[int, str, Stand], list[Lent]] = {}
        messages: dict[tuple[int, str, Stand], int] = {}
        for part, stand, count in stands(parts, told.get(key), details.known, facts):
            kind = part.delivery_id, part.mx_group, stand
            counts.setdefault(kind, []).append(part)
            messages[kind] = messages.get(kind, 0) + count
        for (delivery_id, mx_group, stand), some in counts.items():
            yield Group(
                Place.IN_HAND,
                view.deliveries[delivery_id],
                mx_group,
                messages[delivery_id, mx_group, stand],
                (some[0].source_ip,),
                hand=hand(some, stand, facts),
            )


def hand(parts: Sequence[Lent], stand: Stand, facts: Facts) -> Hand:
    """Who has parts of one worker, lane and source IP."""
    return Hand(
        facts.by_number.get(parts[0].worker_id),
        parts[0].worker_id,
        parts[0].lane,
        parts[0].source_ip,
        stand,
        min(each.leased_at for each in parts),
        max(each.leased_until for each in parts),
    )


def stands(
    parts: Iterable[Lent], report: LaneReport | None, known: Mapping[int, int], facts: Facts
) -> Iterator[tuple[Lent, Stand, int]]:
    """How many messages of each part stand how.

    A worker sends what it holds in the order in which it was lent: the last of it waits, what is
    before that is in flight, and the first was answered and is about to be recorded.
    """
    newest_first = sorted(parts, key=lambda each: (each.leased_at, each.part_id), reverse=True)
    left = _told(report)
    worker = facts.by_number.get(newest_first[0].worker_id)
    for part in newest_first:
        in_journal = min(part.messages, known.get(part.part_id, 0))
        if in_journal:
            yield part, Stand.KNOWN, in_journal
        count = part.messages - in_journal
        if worker is not None and part.leased_at > worker.heartbeat_at - TAKING_UP_S:
            if count:
                yield part, Stand.UNTOLD, count
            continue
        for stand in (Stand.WAITING, Stand.IN_FLIGHT, Stand.SLOW):
            taken = min(count, left[stand])
            left[stand] -= taken
            count -= taken
            if taken:
                yield part, stand, taken
        if count:
            yield part, Stand.UNTOLD, count


def _told(report: LaneReport | None) -> dict[Stand, int]:
    if report is None:
        return dict.fromkeys((Stand.WAITING, Stand.IN_FLIGHT, Stand.SLOW), 0)
    return {
        Stand.WAITING: report.waiting,
        Stand.IN_FLIGHT: max(0, report.in_flight - report.slow),
        Stand.SLOW: report.slow,
    }
