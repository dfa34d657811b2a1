"""Events as records of PowerMTA's accounting files: CSV with a header line.

The columns are those of its default file with all record types of messages, in its order; the one
of feedback reports that is known; and one like its ``header_…`` columns, the Message-ID, by which a
record is found again here.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from mail.message_id import message_id_header, return_path
from mail.reason import Reason
from mail.states import MessageEvent
from monitor.events import is_complaint
from monitor.export.place import Places
from monitor.export.reply import one_line, reply_of, status_of
from store.log import Event

COLUMNS: Final = (
    *("type", "timeLogged", "timeQueued", "orig", "rcpt", "orcpt", "dsnAction", "dsnStatus"),
    *("dsnDiag", "dsnMta", "bounceCat", "srcType", "srcMta", "dlvType", "dlvSourceIp"),
    *("dlvDestinationIp", "dlvEsmtpAvailable", "dlvSize", "vmta", "jobId", "envId", "queue"),
    *("vmtaPool", "feedbackType", "header_Message-Id"),
)
RECEIVED: Final = "r"
TYPES: Final = {
    MessageEvent.ACCEPTED: "d",
    MessageEvent.DEFERRED: "t",
    MessageEvent.REFUSED: "b",
    MessageEvent.WITHDRAWN: "b",
    MessageEvent.EXPIRED_UNTRIED: "b",
    MessageEvent.EXPIRED_TRIED: "b",
    MessageEvent.BOUNCED_LATER: "rb",
}
COMPLAINT: Final = "f"
_COMPLAINT_TEXT: Final = "complaint: "
_ACTIONS: Final = {"d": "relayed", "t": "delayed", "b": "failed", "rb": "failed"}
_OTHER: Final = "other"
_EXPIRED: Final = (MessageEvent.EXPIRED_TRIED, MessageEvent.EXPIRED_UNTRIED)
_NO_ANSWER: Final = "no-answer-from-host"
_POLICY: Final = "policy-related"
_CATEGORIES: Final = {
    Reason.USER_UNKNOWN: "bad-mailbox",
    Reason.INVALID_DOMAIN: "bad-domain",
    Reason.UNREACHABLE: _NO_ANSWER,
    Reason.ACCOUNT_DISABLED: "inactive-mailbox",
    Reason.MAILBOX_FULL: "quota-issues",
    Reason.NOT_CONNECTED: _NO_ANSWER,
    Reason.DENYLISTED: _POLICY,
    Reason.REFUSED: _POLICY,
    Reason.GREYLISTED: _POLICY,
    Reason.THROTTLED: _POLICY,
    Reason.MESSAGE_TOO_LARGE: "content-related",
    Reason.EXPIRED: "message-expired",
    Reason.PROTOCOL: "protocol-errors",
    Reason.TLS_FAILED: "bad-connection",
    Reason.AUTH_FAILED: "bad-configuration",
    Reason.CERTIFICATE_EXPIRED: "bad-configuration",
    Reason.CERTIFICATE_SELF_SIGNED: "bad-configuration",
    Reason.CERTIFICATE_WRONG_NAME: "bad-configuration",
    Reason.CERTIFICATE_NOT_TRUSTED: "bad-configuration",
}


def header() -> str:
    """The first line of a file."""
    return _csv([COLUMNS])


def records(event: Event, domain: str, places: Places) -> str:
    """The lines of one event, each with its end; none where PowerMTA has no record for it.

    Args:
        event: with ``is_first`` found out.
        domain: of the lab's return paths and Message-IDs.
        places: the hosts of MX groups that have one.
    """
    return _csv(_rows(event, domain, places))


def _rows(event: Event, domain: str, places: Places) -> Iterator[list[str]]:
    change = event.transition
    kind = TYPES.get(MessageEvent(change.event))
    if kind is None:
        return
    queued = _moment(event.submitted_at)
    mark = message_id_header(change.delivery_id, change.message_id, domain)
    message: dict[str, object] = {
        "timeQueued": queued,
        "orig": return_path(domain, change.delivery_id, change.message_id),
        "rcpt": change.address,
        "jobId": change.delivery_id,
        "queue": f"{change.address.rpartition('@')[2]}/{change.source_ip or '*'}",
        "vmtaPool": event.affinity,
        "header_Message-Id": mark,
    }
    if is_complaint(change):
        # A report has no delivery status, and says nothing of the way that the message went.
        said = one_line(change.text)
        feedback = said.removeprefix(_COMPLAINT_TEXT) if _COMPLAINT_TEXT in said else ""
        found = {"type": COMPLAINT, "timeLogged": _moment(change.at), "feedbackType": feedback}
        yield _row({**message, "queue": "", **found})
        return
    if event.is_first:
        yield _row({**message, "type": RECEIVED, "timeLogged": queued})
    yield _row({**message, "type": kind, **_outcome(event, kind, places)})


def _outcome(event: Event, kind: str, places: Places) -> dict[str, object]:
    change = event.transition
    place = places.get(event.mx_group) if change.code is not None and kind != "rb" else None
    found: dict[str, object] = {
        "timeLogged": _moment(change.at),
        "dsnAction": _ACTIONS[kind],
        "dsnStatus": status_of(change),
        "dsnDiag": f"smtp;{reply_of(change)}" if change.code is not None else one_line(change.text),
        "bounceCat": "" if kind == "d" else _category(event),
        "vmta": change.source_ip,
    }
    if change.source_ip is not None and kind != "rb":
        found |= {
            "dlvType": "smtp",
            "dlvSourceIp": change.source_ip,
            "dlvSize": change.size_bytes,
        }
    if place is not None:
        found |= {
            "dsnMta": f"{place.name} ({place.address})",
            "dlvDestinationIp": place.address,
        }
    return found


def _category(event: Event) -> str:
    change = event.transition
    if MessageEvent(change.event) in _EXPIRED:
        return _CATEGORIES[Reason.EXPIRED]
    return _OTHER if change.reason is None else _CATEGORIES.get(change.reason, _OTHER)


def _row(found: dict[str, object]) -> list[str]:
    values = (found.get(each) for each in COLUMNS)
    return ["" if each is None else str(each) for each in values]


def _csv(rows: Iterable[Iterable[str]]) -> str:
    # RFC 4180, as PowerMTA's guide says, but with the plain line ends that its files have.
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _moment(at: float) -> str:
    """Local time with its offset, as PowerMTA writes it: ``2026-11-24 08:15:00+0100``."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
