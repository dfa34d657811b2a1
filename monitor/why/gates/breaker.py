"""``destination_breaker``: so much failed on the lane that it is shut for a while."""

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.group import Group


def breaker(group: Group, way: Way, facts: Facts) -> Stop | None:
    until, errors, attempts = way.state.suspended_until, way.state.errors, way.state.attempts
    if until is None or attempts is None or until <= group.comes_at(facts.now):
        return None
    return Stop(
        f"the breaker has shut lane {way.lane} for {said_duration(until - facts.now)} more: "
        f"{way.state.because}",
        "Mend what the receiver complains of, then open the lane.",
        {
            "lane": way.lane,
            "errors": errors,
            "attempts": attempts,
            "error_rate": round((errors or 0) / attempts, 4) if attempts else None,
            "because": way.state.because,
            "until": until,
        },
        command=f"mtalab lane resume '{way.lane.replace('>', '/')}'",
        until=until,
    )
