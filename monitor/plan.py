"""What another configuration would do to the mail that is queued now: ``mtalab plan``.

It is the plans that are compared, one for each delivery and domain, not the messages; of those only
the pending ones whose plan changes are counted (``store/plans.py``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mail.cause import Cause
from monitor.outlook import Circumstances, Outlook, Way
from store import halts, lanes, plans
from store.engine import Store
from store.replan import Planned


class Effect(StrEnum):
    """What a change does to some mail, what matters most first."""

    STUCK = "stuck"  # it could go and will not
    FREED = "freed"  # it could not go and will
    CAUSE = "cause"  # it cannot go, and for another cause than before
    MX_GROUP = "mx_group"
    SOURCE_IPS = "source_ips"
    LANES = "lanes"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Change:
    """Messages of one delivery to one domain, and what becomes of them."""

    delivery_id: int
    affinity: str
    domain: str
    messages: int
    effects: tuple[Effect, ...]
    before: Way
    after: Way


@dataclass(frozen=True, slots=True)
class Forecast:
    """All that changes; ``pending`` counts all that is queued."""

    pending: int
    changes: tuple[Change, ...]

    def messages(self) -> Mapping[Effect, int]:
        """Messages by effect; one message may be under several."""
        found = Counter[Effect]()
        for each in self.changes:
            for effect in each.effects:
                found[effect] += each.messages
        return {effect: found[effect] for effect in Effect}

    def causes(self) -> Mapping[Cause, int]:
        """Messages that become stuck, by cause."""
        found = Counter[Cause]()
        for each in self.changes:
            if Effect.STUCK in each.effects and each.after.cause is not None:
                found[each.after.cause] += each.messages
        return dict(found)


def compare(
    planned: Iterable[Planned], before: Outlook, after: Outlook
) -> Iterator[tuple[Planned, tuple[Effect, ...], Way, Way]]:
    """The plans of which anything changes, with what it was and what it will be."""
    for each in planned:
        now = before.way_as_planned(each.affinity, each.mx_group, each.source_ips)
        then = after.way(each.affinity, each.domain)
        effects = tuple(_effects(now, then))
        if effects:
            yield each, effects, now, then


def _effects(before: Way, after: Way) -> Iterator[Effect]:
    if before.cause is not after.cause:
        if before.cause is None:
            yield Effect.STUCK
        elif after.cause is None:
            yield Effect.FREED
        else:
            yield Effect.CAUSE
    if before.mx_group != after.mx_group:
        yield Effect.MX_GROUP
    if before.source_ips != after.source_ips:
        yield Effect.SOURCE_IPS
    if before.lanes != after.lanes:
        yield Effect.LANES
    elif _said(before) != _said(after):
        yield Effect.LIMITS


def _said(way: Way) -> tuple[object, ...]:
    """The limits of a way, whichever rules set them."""
    limits = way.limits
    return (
        limits.max_connections,
        limits.max_messages_per_connection,
        limits.rate,
        limits.tls,
        limits.connect_timeout,
        limits.greeting_timeout,
        limits.data_timeout,
    )


def forecast(store: Store, before: Outlook, after: Outlook) -> Forecast:
    """Read what is queued and compare.

    Args:
        store: of the lab.
        before: the configuration that holds now.
        after: the one that is asked about.
    """
    found = list(compare(store.read_now(plans.every), before, after))
    wanted: dict[int, list[str]] = {}
    for planned, *_ in found:
        wanted.setdefault(planned.delivery_id, []).append(planned.domain)
    counts = store.read_now(plans.pending_by_domain, wanted) if wanted else {}
    changes = [
        Change(
            planned.delivery_id,
            planned.affinity,
            planned.domain,
            counts[planned.delivery_id, planned.domain],
            effects,
            now,
            then,
        )
        for planned, effects, now, then in found
        if counts[planned.delivery_id, planned.domain]
    ]
    return Forecast(sum(store.read_now(plans.pending).values()), tuple(changes))


def circumstances(store: Store, now: float, can_bind: Callable[[str], bool]) -> Circumstances:
    """What operators said, and what this host can send from."""
    return Circumstances(
        frozenset(store.read_now(halts.halts)),
        frozenset(store.read_now(lanes.suspensions, now)),
        can_bind,
    )
