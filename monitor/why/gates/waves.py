"""``wave_not_due``: a delivery goes out in waves, and the message's has not begun."""

from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group


def wave(group: Group, facts: Facts) -> Stop | None:
    found = group.wave
    if found is None:
        return None
    return Stop(
        f"its wave, number {found.number}, begins in "
        f"{said_duration(max(0.0, found.starts_at - facts.now))}",
        "Wait for it, or start the wave now.",
        {"wave": found.number, "starts_at": found.starts_at},
        command=f"mtalab wave start {group.delivery.id} {found.number}",
        until=max(facts.now, found.starts_at),
    )
