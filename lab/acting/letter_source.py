"""A message source put together of what people fill in: sender, subject, a text, a page."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.submit.errors import BadSubmission
from mail.errors import Where

_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_OURS: Final = ("from", "subject", "mime-version")  # what headers may not say once more


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says; each may hold {{ fields }}."""

    sender: str
    subject: str
    text: str | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def source_of(letter: Letter) -> bytes:
    """The source, as a file would have it.

    Raises:
        BadSubmission: a header cannot be one, or there is nothing to read.
    """
    parts = [
        (kind, text)
        for kind, text in (("plain", letter.text), ("html", letter.html))
        if text is not None
    ]
    if not parts:
        raise BadSubmission(
            "has neither a text nor a page",
            where=Where("message"),
            remedy="Give text, html, or both.",
        )
    lines = [
        f"From: {_line('from', letter.sender)}",
        f"Subject: {_line('subject', letter.subject)}",
    ]
    lines += [f"{_named(name)}: {_line(name, value)}" for name, value in letter.headers.items()]
    lines.append("MIME-Version: 1.0")
    if len(parts) == 1:
        lines += _part(*parts[0])
    else:
        texts = "\n".join(text for _, text in parts)
        boundary = f"part-{hashlib.sha256(texts.encode()).hexdigest()[:24]}"  # in none of them
        lines += [f'Content-Type: multipart/alternative; boundary="{boundary}"', ""]
        for kind, text in parts:
            lines += [f"--{boundary}", *_part(kind, text)]
        lines.append(f"--{boundary}--")
    return ("\n".join(lines) + "\n").encode()


def _part(kind: str, text: str) -> list[str]:
    return [
        f"Content-Type: text/{kind}; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        text.replace("\r\n", "\n").replace("\r", "\n"),
    ]


def _named(name: str) -> str:
    lower = name.lower()
    if _NAME.fullmatch(name) is None or lower in _OURS or lower.startswith("content-"):
        raise BadSubmission(
            f"{name!r} cannot be a header here",
            where=Where("message", "headers"),
            remedy="From, Subject and what content there is have places of their own; for anything "
            "else give the whole source.",
        )
    return name


def _line(name: str, value: str) -> str:
    if not value.strip() or any(ord(each) < 32 and each != "\t" for each in value):
        raise BadSubmission(
            "is empty or holds a line end",
            where=Where("message", name),
            remedy="A header is one line.",
        )
    return value
