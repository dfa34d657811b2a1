"""Mails as Mailpit writes them: names and types of its API v1."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from lab.inbox.mailbox import Counts, Found, Listed, Opened
from lab.inbox.mime import Mail, Mailbox, Part
from lab.inbox.summary import blind_copies, sender_of

_IN_BRACKETS: Final = re.compile(r"<\s*([^<>\s]+)\s*>")
_WAYS: Final = ("http:", "https:", "mailto:")


def mailbox(box: Mailbox | None) -> dict[str, str] | None:
    return None if box is None else {"Name": box.name, "Address": box.address}


def mailboxes(boxes: Iterable[Mailbox]) -> list[dict[str, str] | None]:
    return [mailbox(each) for each in boxes]


def moment(at: float) -> str:
    """RFC 3339 with milliseconds."""
    found = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return found.replace("+00:00", "Z")


def in_list(listed: Listed) -> dict[str, Any]:
    """Mailpit's MessageSummary."""
    found = listed.summary
    return {
        "ID": listed.entry.id,
        "MessageID": found.message_id,
        "Read": listed.is_read,
        "From": mailbox(found.sender),
        "To": mailboxes(found.to),
        "Cc": mailboxes(found.cc),
        "Bcc": mailboxes(found.bcc),
        "ReplyTo": mailboxes(found.reply_to),
        "Subject": found.subject,
        "Created": moment(listed.entry.time),
        "Username": "",
        "Tags": list(listed.tags),
        "Size": found.size,
        "Attachments": found.attachments,
        "Snippet": found.snippet,
    }


def in_page(found: Found, counts: Counts, start: int) -> dict[str, Any]:
    """Mailpit's MessagesSummary."""
    return {
        "total": counts.total,
        "unread": counts.unread,
        "count": len(found.mails),
        "messages_count": found.total,
        "messages_unread": found.unread,
        "start": start,
        "tags": list(counts.tags),
        "messages": [in_list(each) for each in found.mails],
    }


def whole(opened: Opened) -> dict[str, Any]:
    """Mailpit's Message."""
    mail, receipt = opened.mail, opened.receipt
    sender = sender_of(mail)
    written = mail.date
    return {
        "ID": opened.entry.id,
        "MessageID": mail.header("Message-ID").strip("<>"),
        "From": mailbox(sender),
        "To": mailboxes(mail.mailboxes("To")),
        "Cc": mailboxes(mail.mailboxes("Cc")),
        "Bcc": mailboxes(blind_copies(receipt, mail)),
        "ReplyTo": mailboxes(mail.mailboxes("Reply-To")),
        "ReturnPath": receipt.mail_from,
        "Subject": mail.header("Subject"),
        "ListUnsubscribe": _unsubscribing(mail),
        "Date": moment(opened.entry.time if written is None else written),
        "Tags": list(opened.tags),
        "Username": "",
        "Text": mail.text,
        "HTML": mail.html,
        "Size": receipt.size,
        "Inline": [_file(each) for each in mail.inlines],
        "Attachments": [_file(each) for each in mail.attachments],
    }


def headers(mail: Mail) -> dict[str, list[str]]:
    """All headers by name, as Go writes names (``Mime-Version``); values are not decoded."""
    found: dict[str, list[str]] = {}
    for name, value in mail.headers:
        written = "-".join(each.capitalize() for each in name.split("-"))
        found.setdefault(written, []).append(value)
    return dict(sorted(found.items()))


def _file(part: Part) -> dict[str, Any]:
    return {
        "PartID": part.id,
        "FileName": part.name or part.content_id,
        "ContentType": part.media_type,
        "ContentID": part.content_id,
        "Size": len(part.content),
        "Checksums": {
            "MD5": hashlib.md5(part.content, usedforsecurity=False).hexdigest(),
            "SHA1": hashlib.sha1(part.content, usedforsecurity=False).hexdigest(),
            "SHA256": hashlib.sha256(part.content).hexdigest(),
        },
    }


def _unsubscribing(mail: Mail) -> dict[str, Any]:
    """List-Unsubscribe, with what is wrong with it (RFC 2369, 3.2)."""
    said = mail.header("List-Unsubscribe")
    links = _IN_BRACKETS.findall(said)
    errors = []
    if said and not links:
        errors.append("no links in angle brackets")
    errors += [f"unknown link: {each}" for each in links if not each.lower().startswith(_WAYS)]
    return {
        "Header": said,
        "Links": links,
        "Errors": ", ".join(errors),
        "HeaderPost": mail.header("List-Unsubscribe-Post"),
    }
