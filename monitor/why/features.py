"""What the gates of features ask, read from the store: waves, limits, the breaker, quotas."""

import math
from collections.abc import Iterator, Mapping

from affinity.configuration import Configuration
from affinity.lane import LaneKey
from affinity.route import Routes
from affinity.warmup import Quotas, begin_of, day_of
from monitor.why.facts import Breaker, Concurrency, Features, Quota, Wave
from store import log, progress, quotas, waves
from store.engine import Tx
from store.pending import View

_Way = tuple[str, str]  # source IP, MX group


def features_of(
    tx: Tx, view: View, configuration: Configuration, now: float, message: int | None
) -> Features:
    """Of all that is pending; of one message also its own wave."""
    return Features(
        _concurrency(tx, configuration),
        dict(_breakers(view, configuration, now)),
        dict(_quotas(tx, view, configuration, now)),
        _waves(tx, view, message),
    )


def _concurrency(tx: Tx, configuration: Configuration) -> Concurrency | None:
    limit = configuration.scheduler.max_deliveries
    if limit is None:
        return None
    found = progress.running(tx)
    full_since = None
    if len(found) >= limit:
        full_since = max((each.started_at or 0.0 for each in found), default=None)
    return Concurrency(limit, tuple(each.delivery_id for each in found), full_since)


def _breakers(
    view: View, configuration: Configuration, now: float
) -> Iterator[tuple[_Way, Breaker]]:
    addresses = {ip.address for each in configuration.affinity.values() for ip in each.ip}
    for lane, state in view.lanes.items():
        if not state.attempts or (state.suspended_until or 0.0) <= now:
            continue
        key = LaneKey.parse(lane)
        share = (state.errors or 0) / state.attempts
        reply = state.because.partition("the last with: ")[2]
        found = Breaker(state.suspended_until or math.inf, share, state.attempts, reply)
        for address in addresses if key.source_ip is None else [key.source_ip]:
            yield (address, key.mx_group), found


def _quotas(
    tx: Tx, view: View, configuration: Configuration, now: float
) -> Iterator[tuple[_Way, Quota]]:
    if not configuration.warmup:
        return
    plans, day = Quotas(configuration.warmup, Routes(configuration.route)), day_of(now)
    spent = quotas.spent(tx, day)
    groups = {each.mx_group for each in view.queued}
    groups |= {each.mx_group for each in view.retrying} | {each.mx_group for each in view.lent}
    for address in {each.ip for each in configuration.warmup}:
        for group in groups:
            quota = plans.of(address, group, day)
            if quota is not None:
                used = spent.get((address, group), 0)
                yield (address, group), Quota(day, used, quota, begin_of(day + 1))


def _waves(tx: Tx, view: View, message: int | None) -> Mapping[tuple[int, int | None], Wave]:
    if message is not None:
        own = waves.wave_of(tx, message)
        if own is None or own.started_at is not None:
            return {}
        wave = Wave(own.wave, own.starts_at)
        return {(own.delivery_id, log.message(tx, message)[0].part_id): wave}
    starts = {
        (each.delivery_id, each.wave): Wave(each.wave, each.starts_at) for each in waves.ahead(tx)
    }
    return {
        (each.delivery_id, each.first_part): starts[each.delivery_id, each.wave]
        for each in view.queued
        if each.wave is not None and (each.delivery_id, each.wave) in starts
    }
