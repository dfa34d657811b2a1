"""``delivery_paused``: an operator paused the delivery."""

from mail.notation import said_duration
from mail.states import DeliveryStatus
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group, Stand


def pause(group: Group, facts: Facts) -> Stop | None:
    delivery = group.delivery
    if delivery.status is not DeliveryStatus.PAUSED:
        return None
    if group.hand is not None and group.hand.stand is not Stand.WAITING:
        return None  # it was under way, and its answer counts
    at, by = facts.pauses.get(delivery.id, (None, ""))
    since = "" if at is None else f"{by} {said_duration(max(0.0, facts.now - at))} ago".strip()
    return Stop(
        "the delivery is paused" + (f" ({since})" if since else ""),
        "Resume it.",
        {"paused_at": at, "by": by},
        command=f"mtalab resume {delivery.id}",
    )
