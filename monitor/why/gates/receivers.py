"""``receiver_slow``: a connection stands, and the receiver lets it wait."""

from typing import Final

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.gates.connections import is_busy
from monitor.why.group import Group, Place, Stand
from store.reports import SLOW_AFTER_S, LaneReport

OVERDUE_S: Final = 5.0  # a session ends by itself this soon after a timeout, or it is stuck
_AT_REST: Final = ("idle", "quit", "over")


def slow(group: Group, way: Way, facts: Facts) -> Stop | None:
    hand = group.hand
    if group.place is Place.RETRYING or (
        hand is not None and hand.stand not in (Stand.WAITING, Stand.SLOW)
    ):
        return None
    reports = [each for each in way.reports if hand is None or each.worker_id == hand.worker_id]
    is_waiting = hand is None or hand.stand is Stand.WAITING
    late = [each for each in reports if _oldest(each, facts)[1] > SLOW_AFTER_S]
    if is_waiting and not (
        late
        and len(late) == len(reports)
        and all(is_busy(each) or _is_first(each) for each in late)
    ):
        return None
    found = max(late or reports, key=lambda each: _oldest(each, facts)[1], default=None)
    if found is None or overdue(found, way, facts) is not None:
        return None
    phase, age = _oldest(found, facts)
    step = "to be let in" if phase == "connecting" else f"for the reply to {phase}"
    return Stop(
        f"the receiver on lane {way.lane} is slow: a connection has waited {said_duration(age)} "
        f"{step}",
        "Ask why it is slow; or allow more connections (connections of the instance, "
        "max_connections of an MX rule).",
        {
            "lane": way.lane,
            "phase": phase,
            "seconds": round(age, 3),
            "connections": found.taken,
            "allowed": found.allowed,
            "in_flight": found.in_flight,
        },
        moves=True,
    )


def overdue(report: LaneReport, way: Way, facts: Facts) -> tuple[str, float] | None:
    """A phase that lasts longer than its timeout lets it, and for how long it has."""
    limits = way.limits
    for phase, each in report.phases.items():
        age = facts.told_at(report) - each.since
        match phase:
            case "connecting":  # greeting, EHLO, STARTTLS and AUTH, each by itself
                most = limits.connect_timeout + 6 * limits.greeting_timeout
            case "body":
                most = limits.data_timeout
            case _ if phase in _AT_REST:
                continue
            case _:
                most = limits.greeting_timeout
        if age > most + OVERDUE_S:
            return phase, age
    return None


def _is_first(report: LaneReport) -> bool:
    """Whether one connection goes ahead of those that may follow."""
    return set(report.phases) == {"connecting"}


def _oldest(report: LaneReport, facts: Facts) -> tuple[str, float]:
    told_at = facts.told_at(report)
    waiting = [(each.since, name) for name, each in report.phases.items() if name not in _AT_REST]
    since, name = min(waiting, default=(told_at, "idle"))
    return name, told_at - since
