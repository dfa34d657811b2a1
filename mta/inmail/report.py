"""Reports that programs write for programs: delivery status (RFC 3464) and feedback (RFC 5965)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr
from typing import Final

from mail.inbound import InboundKind
from mta.classify import TEXT_MAX
from mta.inmail.parsing import field, parse, text_of

_KINDS: Final = {
    "failed": InboundKind.FAILED,
    "delayed": InboundKind.DELAYED,
    "delivered": InboundKind.DELIVERED,
    "relayed": InboundKind.DELIVERED,
    "expanded": InboundKind.DELIVERED,
}
_STATUS: Final = re.compile(r"\b([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_REPLY: Final = re.compile(
    r"(?<![0-9.])([45][0-9]{2})[ -]+#?(?:([45]\.[0-9]{1,3}\.[0-9]{1,3})[ :]*)?(.*)"
)
_REPORTS_MAX: Final = 100  # recipients of one report: ours have one
_COMMENTS_MAX: Final = 5
_FAILED: Final = 550
_LATER: Final = 450


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one recipient: as a reply, which is how failures are judged."""

    recipients: tuple[str, ...]
    kind: InboundKind
    code: int = _FAILED
    text: str = ""  # begins with the enhanced code, if there is one


@dataclass(frozen=True, slots=True)
class Complaint:
    """A feedback report."""

    recipients: tuple[str, ...]
    feedback_type: str


def reports_in(message: "Message[str, str]") -> Iterator[Said]:
    """What the delivery status in a mail says, recipient by recipient."""
    count = 0
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            kind = _KINDS.get(field(block, "action").lower().partition(" ")[0])
            if kind is None:
                continue  # the block about the message, or one that says nothing
            count += 1
            if count > _REPORTS_MAX:
                return
            yield _said(block, kind)


def _blocks(part: "Message[str, str]") -> "Iterator[Message[str, str]]":
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (each for each in payload if isinstance(each, Message))


def _said(block: "Message[str, str]", kind: InboundKind) -> Said:
    names = (recipient_in(field(block, f"{each}-recipient")) for each in ("original", "final"))
    recipients = tuple(dict.fromkeys(each for each in names if each))
    found = _STATUS.search(field(block, "status"))
    status = "" if found is None else found[1]
    _, _, diagnostic = field(block, "diagnostic-code").partition(";")
    return Said(recipients, kind, *_as_reply(status, diagnostic.strip()))


def _as_reply(status: str, diagnostic: str) -> tuple[int, str]:
    """Code and text of the reply that was the cause, as well as a report tells it."""
    found = _REPLY.match(diagnostic)
    if found is None:
        code = _LATER if status.startswith("4") else _FAILED
        enhanced, text = status, diagnostic
    else:
        code, text = int(found[1]), found[3]
        # A code that the reply itself has is better than one that a report gives it.
        enhanced = found[2] or status
    if not enhanced.startswith(str(code // 100)):
        enhanced = ""
    return code, f"{enhanced} {text}".strip()[:TEXT_MAX]


def said_in(body: str, address: str) -> Said:
    """What a text in no format says of an address: the first reply in it, or all of it."""
    start = max(0, body.find(address))
    for line in (*body[start:].splitlines(), *body[:start].splitlines()):
        found = _REPLY.search(line)
        if found is not None:
            enhanced = found[2] or ""
            if not enhanced.startswith(found[1][0]):
                enhanced = ""
            return Said(
                (address,),
                InboundKind.FAILED,
                int(found[1]),
                f"{enhanced} {found[3]}".strip()[:TEXT_MAX],
            )
    words = " ".join(body[start:].split())[:TEXT_MAX]
    return Said((address,), InboundKind.FAILED, _FAILED, words)


def complaint_in(message: "Message[str, str]") -> Complaint | None:
    """The feedback report in a mail."""
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            return _complaint(part)
    return None


def _complaint(part: "Message[str, str]") -> Complaint:
    inner = part.get_payload(0) if part.is_multipart() else None
    if not isinstance(inner, Message):
        inner = parse(text_of(part).encode("utf-8", "replace")).message
    names = (field(inner, each) for each in ("original-rcpt-to", "removal-recipient"))
    recipients = tuple(filter(None, map(recipient_in, names)))
    kind = field(inner, "feedback-type").lower()
    return Complaint(recipients, kind if kind.isprintable() and kind else "other")


def recipient_in(value: str) -> str:
    """The address in a field such as ``rfc822; anna@example.test``; empty if there is none."""
    if value.count("(") > _COMMENTS_MAX:  # which the parser would follow into each other
        return ""
    _, semicolon, rest = value.partition(";")
    found: str = parseaddr((rest if semicolon else value).strip())[1]
    return found if "@" in found else ""
