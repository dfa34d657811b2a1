"""What the gates of features ask that no view has: the limit on deliveries, warm-up quotas."""

from collections.abc import Iterator

from affinity.configuration import Configuration
from affinity.route import Routes
from affinity.warmup import Quotas, begin_of, day_of
from monitor.why.facts import Concurrency, Features, Quota
from store import progress, quotas
from store.engine import Tx
from store.pending import View

_Way = tuple[str, str]  # source IP, MX group


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
) -> Iterator[tuple[_Way, Quota]]:
    if not configuration.warmup:
        return
    plans, day = Quotas(configuration.warmup, Routes(configuration.route)), day_of(now)
    spent = quotas.spent(tx, day)
    groups = {each.mx_group for each in view.queued}
    groups |= {each.mx_group for each in view.retrying} | {each.mx_group for each in view.lent}
    for address in sorted({each.ip for each in configuration.warmup}):
        for group in sorted(groups):
            quota = plans.of(address, group, day)
            if quota is not None:
                used = spent.get((address, group), 0)
                yield (address, group), Quota(day, used, quota, begin_of(day + 1))
