"""What the gates of features ask that no view has: the limit on deliveries, daily quotas."""

from collections.abc import Iterator, Mapping

from affinity.configuration import Configuration
from affinity.route import Routes
from affinity.warmup import Account, Quotas, account_of, begin_of, day_of, quotas_of
from monitor.why.facts import Concurrency, Features, Quota
from store import progress, quotas
from store.engine import Tx
from store.pending import View


def features_of(tx: Tx, view: View, configuration: Configuration, now: float) -> Features:
    """As configured and as they stand."""
    return Features(_concurrency(tx, configuration), dict(_quotas(tx, view, configuration, now)))


def _concurrency(tx: Tx, configuration: Configuration) -> Concurrency | None:
    limit = configuration.scheduler.max_deliveries
    if limit is None:
        return None
    running = progress.running(tx)
    begun = [each.started_at for each in running if each.started_at is not None]
    return Concurrency(limit, tuple(each.delivery_id for each in running), max(begun, default=None))


def _quotas(
    tx: Tx, view: View, configuration: Configuration, now: float
) -> Iterator[tuple[Account, Quota]]:
    plans, day = quotas_of(configuration, Routes(configuration.route)), day_of(now)
    if not plans:
        return
    spent = quotas.spent(tx, day)
    for name in configuration.affinity:
        quota = plans.of_affinity(name)
        if quota is not None:
            key = account_of(name)
            yield key, Quota(day, spent.get(key, 0), quota, begin_of(day + 1))
    yield from _of_ips(plans, spent, view, configuration, day)


def _of_ips(
    plans: Quotas,
    spent: Mapping[Account, int],
    view: View,
    configuration: Configuration,
    day: int,
) -> Iterator[tuple[Account, Quota]]:
    groups = {each.mx_group for each in view.queued}
    groups |= {each.mx_group for each in view.retrying} | {each.mx_group for each in view.lent}
    for address in sorted({each.ip for each in configuration.warmup}):
        for group in sorted(groups):
            quota = plans.of(address, group, day)
            if quota is not None:
                used = spent.get((address, group), 0)
                yield (address, group), Quota(day, used, quota, begin_of(day + 1))
