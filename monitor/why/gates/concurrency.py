"""``concurrency_limit``: as many deliveries are under way as may be."""

from mail.states import DeliveryStatus
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def concurrency(group: Group, facts: Facts) -> Stop | None:
    found = facts.features.concurrency
    if (
        found is None
        or group.delivery.status is not DeliveryStatus.START_PENDING
        or group.delivery.id in found.running
        or len(found.running) < found.limit
    ):
        return None
    return Stop(
        f"{len(found.running)} deliveries are under way, and {found.limit} may be",
        "Wait until one of them ends, or raise max_deliveries under [scheduler].",
        {"running": list(found.running), "limit": found.limit, "full_since": found.full_since},
        moves=True,
    )
