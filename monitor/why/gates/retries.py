"""Messages that were deferred and wait for their next attempt, by what the last one met.

``retry_later`` and ``greylisted``, and a part each of ``destination_unreachable``, ``no_mx``,
``tls_required_not_offered`` and ``message_too_large``.
"""

from collections.abc import Callable
from typing import Final

from mail.cause import Cause
from mail.notation import said_duration
from monitor.why.facts import Facts
from monitor.why.finding import Stop
from monitor.why.group import Group, Place

_WORDS: Final = {
    Cause.RETRY_LATER: "the receiver deferred it",
    Cause.GREYLISTED: "the receiver greylists: it takes a later attempt",
    Cause.DESTINATION_UNREACHABLE: "no connection could be made at the last attempt",
    Cause.NO_MX: "the receiver says that the domain cannot be resolved",
    Cause.TLS_REQUIRED_NOT_OFFERED: "TLS is demanded, and the receiver offered none",
    Cause.MESSAGE_TOO_LARGE: "the receiver finds the message too large",
}
FIXES: Final = {
    Cause.RETRY_LATER: "Wait: it is tried again by itself.",
    Cause.GREYLISTED: "Wait: it is tried again by itself.",
    Cause.DESTINATION_UNREACHABLE: "Start or mend the receiver, or correct the route's host.",
    Cause.NO_MX: "Correct the domain, or wait until its name can be resolved.",
    Cause.TLS_REQUIRED_NOT_OFFERED: (
        'Let the receiver offer STARTTLS, or set tls = "opportunistic" in the MX rule.'
    ),
    Cause.MESSAGE_TOO_LARGE: "Send a smaller message, or let the receiver take larger ones.",
}

Ask = Callable[[Group, Facts], Stop | None]


def waits_for(cause: Cause) -> Ask:
    """The gate for messages whose last attempt met this."""

    def ask(group: Group, facts: Facts) -> Stop | None:
        if group.place is not Place.RETRYING or group.wave is not None:
            return None
        if (group.waits_for or Cause.RETRY_LATER) is not cause:
            return None
        return deferred(group, facts, cause)

    return ask


def deferred(group: Group, facts: Facts, cause: Cause) -> Stop:
    last, expires_at = group.last, group.delivery.expires_at
    is_last = group.due_at >= expires_at
    left = said_duration(max(0.0, group.due_at - facts.now))
    when = (
        f"its validity ends in {left}, before another attempt"
        if is_last
        else f"the next attempt is due in {left}"
    )
    said = f" ({last.reply})" if last is not None and last.reply else ""
    evidence: dict[str, object] = {
        "next_attempt_at": None if is_last else group.due_at,
        "expires_at": expires_at,
    }
    if last is not None:
        evidence |= {
            "attempts": last.attempts,
            "reply": last.reply,
            "reason": last.reason,
            "source_ip": last.source_ip,
            "last_attempt_at": last.at,
        }
    return Stop(
        f"{_WORDS[cause]}{said}; {when}",
        FIXES[cause],
        evidence,
        until=None if is_last else group.due_at,
        moves=is_last,
    )
