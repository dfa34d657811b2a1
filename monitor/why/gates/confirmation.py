"""``delivery_not_confirmed``: a delivery that is being submitted, or that nobody has confirmed."""

from mail.notation import said_duration
from mail.states import DeliveryStatus
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def confirmation(group: Group, facts: Facts) -> Stop | None:
    delivery = group.delivery
    evidence = {"status": str(delivery.status), "submitted_at": delivery.submitted_at}
    if delivery.status is DeliveryStatus.READY:
        return Stop(
            f"delivery {delivery.id} is analysed, and nobody has confirmed it",
            "Confirm it.",
            evidence,
            command=f"mtalab confirm {delivery.id}",
        )
    if delivery.status is DeliveryStatus.EDITING:
        ago = said_duration(max(0.0, facts.now - delivery.submitted_at))
        return Stop(
            f"delivery {delivery.id} is still being submitted; last sign of it {ago} ago",
            "Wait for its submission to end; one that was killed is taken back after ten minutes.",
            evidence,
            moves=True,
        )
    return None
