"""What a mail to a return path is: a report, a bounce in another format, a reply, or unknown."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Final

from flufl.bounce import all_failures

from mail.inbound import InboundKind
from mail.message_id import MessageMark, parse_message_id_header
from mail.outcome import Rejected, Stage, Verdict
from mail.reason import FailureType, Reason
from mail.reply import Reply
from mail.states import MessageEvent
from mta.classify import TEXT_MAX, Classifier
from mta.inmail.parsing import Parsed, field, parse, subject_of, text_of
from mta.inmail.report import (
    Said,
    complaint_in,
    recipient_in,
    reports_in,
    said_in,
)

_log = logging.getLogger(__name__)
# A detector of its that fails has found nothing; a traceback for each hostile mail helps nobody.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
_AUTOMATIC: Final = ("x-autoreply", "x-autorespond", "x-auto-response-suppress", "x-vacation")
_AWAY: Final = re.compile(
    r"out of (the )?office|auto(matic(ally)?|mated)?[ -]?(reply|response|answer)|\bon vacation\b"
    r"|abwesenheit|absence du bureau|fuera de (la )?oficina",
    re.IGNORECASE,
)
_CHALLENGE: Final = re.compile(
    r"(confirm|verify|prove|authenticate)\b.{0,60}\b(you|your|sender|address|e-?mail|human)"
    r"|challenge[ -]response|sender verification",
    re.IGNORECASE,
)
_REPLY: Final = re.compile(r"\s*(re|aw|sv|antw|tr)\s*(\[\d+\])?:", re.IGNORECASE)
_ID: Final = re.compile(r"<[0-9]{1,18}\.[0-9]{1,18}@[^<>@\s]{1,255}>")
_ROBOTS: Final = frozenset(("mailer-daemon", "postmaster", ""))
_RETURNED: Final = ("message/rfc822", "text/rfc822-headers", "message/partial")
_SUBJECT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What a mail says of one recipient, by all his names."""

    recipients: tuple[str, ...]
    kind: InboundKind
    verdict: Verdict | None = None  # of a failure or a complaint


@dataclass(frozen=True, slots=True)
class Read:
    """A mail that was read."""

    kind: InboundKind
    subject: str
    text: str  # one line of what it says
    returned: MessageMark | None = None  # the message that it returns
    reports: tuple[Found, ...] = ()


def read(content: bytes, sender: str, classifier: Classifier) -> Read:
    """Read a mail; ``sender`` is the envelope's, empty for the null sender."""
    parsed = parse(content)
    message = parsed.message
    subject = _one_line(subject_of(message), _SUBJECT_MAX)
    if not parsed.is_whole:
        return Read(InboundKind.UNKNOWN, subject, "it has more parts than are read")
    if parse_message_id_header(field(message, "message-id")) is not None:
        # Sent by a lab, perhaps by this one to itself: it says nothing of any message of ours.
        return Read(InboundKind.UNKNOWN, subject, "it was itself sent by a lab")
    returned = _returned(message)
    complaint = complaint_in(message)
    if complaint is not None:
        recipients = (*complaint.recipients, *_recipients_of(message))
        verdict = Verdict(
            MessageEvent.REFUSED,
            FailureType.HARD,
            Reason.DENYLISTED,
            f"complaint: {complaint.feedback_type}",
            rule="complaint",
        )
        found = Found(recipients, InboundKind.COMPLAINT, verdict)
        return Read(InboundKind.COMPLAINT, subject, verdict.text, returned, (found,))
    reports = tuple(_judged(each, classifier) for each in reports_in(message))
    if not reports and _is_robot(message, sender):
        reports = tuple(_in_other_formats(message, classifier))
    if reports:
        worst = _worst(reports)
        text = worst.verdict.text if worst.verdict is not None else ""
        return Read(worst.kind, subject, text or subject, returned, reports)
    return _written(parsed, sender, subject, returned)


def _one_line(text: str, length: int) -> str:
    """As it can stand in a list: nothing in it moves a cursor or ends a line."""
    shown = "".join(each if each.isprintable() else " " for each in text[: 4 * length])
    return " ".join(shown.split())[:length]


def _is_robot(message: "Message[str, str]", sender: str) -> bool:
    """Only machines are read with guesses: what a person writes may look like a bounce."""
    author = recipient_in(field(message, "from")).partition("@")[0]
    return sender.partition("@")[0].lower() in _ROBOTS or author.lower() in _ROBOTS


def _judged(said: Said, classifier: Classifier) -> Found:
    if said.kind is not InboundKind.FAILED:
        return Found(said.recipients, said.kind)
    reply = Reply(said.code, _one_line(said.text, TEXT_MAX))
    verdict = classifier.classify(Rejected(reply, Stage.BODY), 1)
    return Found(said.recipients, said.kind, verdict._replace(event=MessageEvent.REFUSED))


def _in_other_formats(message: "Message[str, str]", classifier: Classifier) -> Iterator[Found]:
    """What flufl.bounce finds in formats that are no report."""
    try:
        later, failed = all_failures(message)
    except Exception as error:  # noqa: BLE001 - guesses of others about hostile bytes
        _log.info("a mail could not be read, and is kept for a person: %r", error)
        return
    body = "\n".join(text_of(each) for each in message.walk() if not each.is_multipart())
    for address in sorted(failed):
        name = address.decode("utf-8", "replace").strip()
        yield _judged(said_in(body, name), classifier)
    for address in sorted(later - failed):
        yield Found((address.decode("utf-8", "replace").strip(),), InboundKind.DELAYED)


def _worst(reports: tuple[Found, ...]) -> Found:
    order = (InboundKind.FAILED, InboundKind.DELAYED, InboundKind.DELIVERED)
    return min(reports, key=lambda each: order.index(each.kind))


def _written(parsed: Parsed, sender: str, subject: str, returned: MessageMark | None) -> Read:
    """What is no bounce."""
    message = parsed.message
    first = next((text_of(each) for each in message.walk() if not each.is_multipart()), "")
    text = _one_line(first, TEXT_MAX) or subject
    automatic = field(message, "auto-submitted").lower()
    is_automatic = (
        automatic not in ("", "no")
        or field(message, "precedence").lower() == "auto_reply"
        or any(field(message, each) for each in _AUTOMATIC)
    )
    if _CHALLENGE.search(f"{subject} {text}") and (is_automatic or not sender):
        kind = InboundKind.CHALLENGE
    elif automatic.startswith("auto-replied") or is_automatic or _AWAY.search(subject):
        kind = InboundKind.AUTO_REPLY
    elif sender and (returned is not None or _REPLY.match(subject)):
        kind = InboundKind.REPLY
    else:
        kind = InboundKind.UNKNOWN
    return Read(kind, subject, text, returned)


def _returned(message: "Message[str, str]") -> MessageMark | None:
    """The message that a mail returns, or answers: the first of our Message-IDs in it."""
    for part in message.walk():
        if part.get_content_type() in _RETURNED:
            # A header that comes as text is parsed like a mail's own.
            inner = part.get_payload(0) if part.is_multipart() else parse(_raw(part)).message
            if isinstance(inner, Message):
                mark = parse_message_id_header(field(inner, "message-id"))
                if mark is not None:
                    return mark
    for name in ("in-reply-to", "references"):
        for found in _ID.findall(field(message, name)):
            return parse_message_id_header(found)
    for part in message.walk():
        if part.get_content_maintype() == "text":
            found = _ID.search(text_of(part))
            if found is not None:
                return parse_message_id_header(found[0])
    return None


def _raw(part: "Message[str, str]") -> bytes:
    raw = part.get_payload(decode=True)
    return raw.lstrip() if isinstance(raw, bytes) else b""


def _recipients_of(message: "Message[str, str]") -> tuple[str, ...]:
    """To whom a returned message went, by its own header."""
    for part in message.walk():
        if part.get_content_type() in _RETURNED:
            inner = part.get_payload(0) if part.is_multipart() else parse(_raw(part)).message
            if isinstance(inner, Message):
                to = recipient_in(field(inner, "to"))
                return (to,) if to else ()
    return ()
