"""Mail that a sink sends back, written as real servers write it: the same bytes at each attempt.

So a server that took one and whose 250 was lost knows it again.
"""

from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from typing import Final

from sinks.afterwards import Kind
from sinks.headers import header
from sinks.outgoing import Waiting

_VERSION: Final = "1"  # of the format, RFC 5965, 3.1


def content_of(waiting: Waiting, mx: str) -> bytes:
    """The mail; ``mx`` is the host that says it."""
    comeback = waiting.comeback
    match comeback.kind, comeback.form:
        case Kind.AUTO_REPLY, _:
            lines = _auto_reply(waiting, mx)
        case Kind.COMPLAINT, _:
            lines = _complaint(waiting, mx)
        case _, "exim":
            lines = _exim(waiting, mx)
        case _, "qmail":
            lines = _qmail(waiting, mx)
        case _, "prose":
            lines = _prose(waiting, mx)
        case _:
            lines = _report(waiting, mx)
    return (
        b"\r\n".join(each.encode("utf-8", "replace") for each in lines).replace(
            _HEADER, _returned(waiting)
        )
        + b"\r\n"
    )


_MARK: Final = "\x00"  # where the returned header stands, which may be in any encoding
_HEADER: Final = _MARK.encode()


def recipient_of(waiting: Waiting) -> str:
    """Whom it goes to."""
    return waiting.comeback.to or waiting.cause.sender


def _returned(waiting: Waiting) -> bytes:
    return waiting.cause.header.replace(b"\0", b"").removesuffix(b"\r\n")


def _head(waiting: Waiting, mx: str, who: str, subject: str) -> list[str]:
    return [
        f"From: {who}",
        f"To: <{recipient_of(waiting)}>",
        f"Subject: {subject}",
        f"Date: {_date(waiting.due)}",
        f"Message-ID: <{waiting.number}.{waiting.comeback.kind}.{int(waiting.due)}@{mx}>",
        "MIME-Version: 1.0",
    ]


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC))


def _daemon(mx: str) -> str:
    return f"Mail Delivery System <MAILER-DAEMON@{mx}>"


def _said(waiting: Waiting) -> str:
    comeback = waiting.comeback
    code = "450" if comeback.action == "delayed" or comeback.status.startswith("4") else "550"
    return f"{code} {comeback.status} {comeback.text}"


def _report(waiting: Waiting, mx: str) -> list[str]:
    """RFC 3464, in the multipart/report of RFC 6522."""
    comeback, cause = waiting.comeback, waiting.cause
    is_over = comeback.action == "failed"
    edge = f"=_report_{waiting.number}_{int(waiting.due)}"
    subject = "Undelivered mail" if is_over else "Delayed mail (still being tried)"
    return [
        *_head(waiting, mx, _daemon(mx), subject),
        "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{edge}"',
        "",
        f"--{edge}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"{mx} could not deliver your message to <{cause.recipient}>"
        + ("." if is_over else " yet, and goes on trying."),
        "The host that was to take it said:",
        "",
        f"    {_said(waiting)}",
        "",
        f"--{edge}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {mx}",
        f"Arrival-Date: {_date(cause.accepted_at)}",
        "",
        f"Final-Recipient: rfc822; {cause.recipient}",
        f"Original-Recipient: rfc822; {cause.recipient}",
        f"Action: {comeback.action}",
        f"Status: {comeback.status}",
        f"Diagnostic-Code: smtp; {_said(waiting)}",
        "",
        f"--{edge}",
        "Content-Type: text/rfc822-headers",
        "",
        _MARK,
        "",
        f"--{edge}--",
    ]


def _exim(waiting: Waiting, mx: str) -> list[str]:
    """Plain text; a header names the recipients."""
    return [
        *_head(waiting, mx, _daemon(mx), "Mail delivery failed"),
        f"X-Failed-Recipients: {waiting.cause.recipient}",
        "Auto-Submitted: auto-replied",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Your message could not be delivered to one or more of its recipients, for good.",
        "",
        f"  {waiting.cause.recipient}",
        f"    remote host said: {_said(waiting)}",
        "",
        "------ The headers of your message follow. ------",
        "",
        _MARK,
    ]


def _qmail(waiting: Waiting, mx: str) -> list[str]:
    """The qmail-send bounce message format: paragraphs, one for each recipient."""
    return [
        *_head(waiting, mx, f"MAILER-DAEMON@{mx}", "failure notice"),
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"Hi. This is the program that delivers mail at {mx}.",
        "What you sent could not be handed over to the addresses below, and will not be.",
        "",
        f"<{waiting.cause.recipient}>:",
        f"Remote host said: {_said(waiting)}",
        "",
        "--- What follows is the header of your message.",
        "",
        _MARK,
    ]


def _prose(waiting: Waiting, mx: str) -> list[str]:
    """What a person understands."""
    return [
        *_head(waiting, mx, f"Front desk <desk@{mx}>", "About your letter"),
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Dear sender,",
        "the colleague whom you wrote to has left the house some time ago, and nobody has",
        "taken over that desk. We have put your letter aside.",
        f"Kind regards, {mx}",
    ]


def _auto_reply(waiting: Waiting, mx: str) -> list[str]:
    """RFC 3834."""
    comeback, cause = waiting.comeback, waiting.cause
    original = header(cause.header, "Message-ID")
    subject = comeback.subject
    if not subject.isascii():
        subject = Header(subject, "utf-8").encode()
    return [
        *_head(waiting, mx, f"<{cause.recipient}>", subject),
        "Auto-Submitted: auto-replied",
        *([f"In-Reply-To: {original}", f"References: {original}"] if original else []),
        "Content-Type: text/plain; charset=utf-8",
        "",
        comeback.text,
    ]


def _complaint(waiting: Waiting, mx: str) -> list[str]:
    """RFC 5965."""
    comeback, cause = waiting.comeback, waiting.cause
    edge = f"=_feedback_{waiting.number}_{int(waiting.due)}"
    return [
        *_head(waiting, mx, f"Feedback loop <feedback@{mx}>", "Complaint about your message"),
        "Content-Type: multipart/report; report-type=feedback-report;",
        f'\tboundary="{edge}"',
        "",
        f"--{edge}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"A recipient at {mx} reported this message as {comeback.feedback_type}.",
        "",
        f"--{edge}",
        "Content-Type: message/feedback-report",
        "",
        f"Feedback-Type: {comeback.feedback_type}",
        "User-Agent: mtalab-sink/1.0",
        f"Version: {_VERSION}",
        f"Original-Mail-From: <{cause.sender}>",
        f"Original-Rcpt-To: <{cause.recipient}>",
        f"Arrival-Date: {_date(cause.accepted_at)}",
        f"Source-IP: {cause.peer_ip}",
        "",
        f"--{edge}",
        "Content-Type: text/rfc822-headers",
        "",
        _MARK,
        "",
        f"--{edge}--",
    ]
