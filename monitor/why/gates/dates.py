"""``contact_date_ahead``: nothing of a delivery goes before its contact date."""

from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def contact_date(group: Group, facts: Facts) -> Stop | None:
    at = group.delivery.contact_at
    if at <= facts.now:
        return None
    return Stop(
        f"its contact date is {said_duration(at - facts.now)} ahead",
        "Wait for it; or cancel the delivery and submit it with an earlier one.",
        {"contact_at": at, "left_s": round(at - facts.now, 3)},
        until=at,
    )
