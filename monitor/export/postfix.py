"""Events as the lines that Postfix would write to syslog for the same life of a message.

The lines are those of Postfix 3: pickup, cleanup and qmgr as a message enters the queue, smtp for
each attempt, qmgr as it leaves. Fields, their order and their punctuation are from its own logs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mail.message_id import message_id_header, return_path
from mail.states import MessageEvent, MessageStatus
from monitor.events import is_complaint
from monitor.export.place import Places
from monitor.export.reply import one_line, reply_of, status_of
from monitor.export.syslog import SyslogTime, stamp
from store.log import Event

_NOBODY: Final = 65534  # the line wants a uid, and the lab has none
_ATTEMPTS: Final = {
    MessageEvent.ACCEPTED: "sent",
    MessageEvent.DEFERRED: "deferred",
    MessageEvent.REFUSED: "bounced",
}


@dataclass(frozen=True, slots=True)
class Postfix:
    """Writes events as lines.

    Args:
        domain: of the lab's return paths and Message-IDs.
        host: what is in the place of the host's name; empty: the instance that sent.
        time: the form of time stamps.
        places: the hosts of MX groups that have one.
    """

    domain: str
    host: str
    time: SyslogTime
    places: Places

    def lines(self, event: Event) -> Iterator[str]:
        """The lines of one event, without their ends."""
        kind = MessageEvent(event.transition.event)
        if kind in _ATTEMPTS:
            yield from self._attempt(event, _ATTEMPTS[kind])
        elif kind is MessageEvent.EXCLUDED:
            yield self._excluded(event)
        elif kind is MessageEvent.BOUNCED_LATER:
            yield from self._bounced_later(event)
        elif kind is MessageEvent.RETRIED_BY_HAND:
            yield from self._queued(event, event.transition.at)
        else:
            if event.is_first:
                yield from self._queued(event, event.submitted_at)
            yield from self._given_up(event, kind)

    def _queued(self, event: Event, at: float) -> Iterator[str]:
        """It enters the queue: handed in on this host, given its Message-ID, scheduled."""
        change = event.transition
        queue_id = queue_id_of(change.message_id)
        mark = message_id_header(change.delivery_id, change.message_id, self.domain)
        sender = self._sender(event)
        yield self._line(event, at, "pickup", f"{queue_id}: uid={_NOBODY} from=<{sender}>")
        yield self._line(event, at, "cleanup", f"{queue_id}: message-id={mark}")
        yield self._active(event, at)

    def _active(self, event: Event, at: float) -> str:
        change = event.transition
        size = change.size_bytes or 0
        text = f"from=<{self._sender(event)}>, size={size}, nrcpt=1 (queue active)"
        return self._line(event, at, "qmgr", f"{queue_id_of(change.message_id)}: {text}")

    def _attempt(self, event: Event, status: str) -> Iterator[str]:
        change = event.transition
        queue_id = queue_id_of(change.message_id)
        took = (change.duration_ms or 0.0) / 1000
        if event.is_first:
            yield from self._queued(event, change.at - took)
        else:
            yield self._active(event, change.at - took)
        total = max(change.at - event.submitted_at, took)
        waited = total - took
        yield self._line(
            event,
            change.at,
            "smtp",
            f"{queue_id}: to=<{one_line(change.address)}>, relay={self._relay(event)}, "
            f"delay={_seconds(total)}, delays={_seconds(waited)}/0/0/{_seconds(took)}, "
            f"dsn={status_of(change)}, status={status} ({self._said(event, status)})",
        )
        if change.to_status is not MessageStatus.PENDING:
            yield self._line(event, change.at, "qmgr", f"{queue_id}: removed")

    def _relay(self, event: Event) -> str:
        if event.transition.code is None:
            return "none"
        place = self.places.get(event.mx_group)
        if place is None:
            return f"{event.mx_group}[unknown]"
        return f"{place.name}[{place.address}]:{place.port}"

    def _said(self, event: Event, status: str) -> str:
        change = event.transition
        reply = reply_of(change)
        if status == "sent" or change.code is None:
            return reply
        return f"host {self._relay(event).rpartition(']')[0]}] said: {reply}"

    def _excluded(self, event: Event) -> str:
        """It was never in the queue."""
        change = event.transition
        to = one_line(change.address)
        reason = one_line(change.text) or _reason(event)
        return self._line(
            event,
            change.at,
            "smtpd",
            f"NOQUEUE: reject: RCPT from unknown[unknown]: 550 5.0.0 <{to}>: Recipient address "
            f"rejected: {reason}; from=<{self._sender(event)}> to=<{to}> proto=SMTP",
        )

    def _given_up(self, event: Event, kind: MessageEvent) -> Iterator[str]:
        """The queue manager returns what is too old; an operator removes with postsuper."""
        change = event.transition
        queue_id = queue_id_of(change.message_id)
        if kind is MessageEvent.WITHDRAWN:
            yield self._line(event, change.at, "postsuper", f"{queue_id}: removed")
            return
        text = f"from=<{self._sender(event)}>, status=expired, returned to sender"
        yield self._line(event, change.at, "qmgr", f"{queue_id}: {text}")
        yield self._line(event, change.at, "qmgr", f"{queue_id}: removed")

    def _bounced_later(self, event: Event) -> Iterator[str]:
        """What comes back of an accepted message comes in by SMTP, to its return path."""
        change = event.transition
        queue_id = f"B{change.id:010X}"  # of a message of its own
        what = "complaint" if is_complaint(change) else "bounce"
        yield self._line(event, change.at, "smtpd", f"{queue_id}: client=unknown[unknown]")
        yield self._line(event, change.at, "cleanup", f"{queue_id}: message-id=<>")
        text = "from=<>, size=0, nrcpt=1 (queue active)"
        yield self._line(event, change.at, "qmgr", f"{queue_id}: {text}")
        text = (
            f"to=<{self._sender(event)}>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, "
            f"status=sent ({what} of {queue_id_of(change.message_id)}: {reply_of(change)})"
        )
        yield self._line(event, change.at, "local", f"{queue_id}: {text}")
        yield self._line(event, change.at, "qmgr", f"{queue_id}: removed")

    def _sender(self, event: Event) -> str:
        change = event.transition
        return return_path(self.domain, change.delivery_id, change.message_id)

    def _line(self, event: Event, at: float, program: str, text: str) -> str:
        change = event.transition
        host = self.host or change.mta or "mtalab"
        process = change.worker_id or 0
        return f"{stamp(at, self.time)} {host} postfix/{program}[{process}]: {text}"


def queue_id_of(message_id: int) -> str:
    """A queue id that is a message's own, in Postfix's short form: capital hexadecimal digits."""
    return f"{message_id:010X}"


def _reason(event: Event) -> str:
    reason = event.transition.reason
    return "excluded" if reason is None else reason.label.replace("_", " ")


def _seconds(value: float) -> str:
    """Seconds as Postfix has them: two digits that count, and no more than hundredths."""
    if value >= 10:
        return str(int(value))
    if value >= 1:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
