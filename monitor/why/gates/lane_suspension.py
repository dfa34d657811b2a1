"""``lane_suspended``: an operator lets nothing go on the lane. The breaker has its own gate."""

import math

from mail.notation import said_duration
from monitor.why.facts import Facts, Way
from monitor.why.finding import Stop
from monitor.why.group import Group


def suspension(group: Group, way: Way, facts: Facts) -> Stop | None:
    until = way.state.suspended_until
    if until is None or way.state.attempts is not None or until <= group.comes_at(facts.now):
        return None
    has_end = math.isfinite(until)
    length = f"for {said_duration(until - facts.now)} more" if has_end else "until resumed"
    why = f": {way.state.because}" if way.state.because else ""
    return Stop(
        f"lane {way.lane} is suspended {length}{why}",
        "Resume the lane.",
        {
            "lane": way.lane,
            "suspended_until": until if has_end else None,
            "because": way.state.because,
        },
        command=f"mtalab lane resume '{way.lane.replace('>', '/')}'",
        until=until if has_end else None,
    )
