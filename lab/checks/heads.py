"""Sender and subject: what a list of mails shows."""

import re
from collections.abc import Iterator
from email.utils import getaddresses
from typing import Final

from lab.checks.code import Code
from lab.checks.finding import Finding, shown
from lab.checks.letter import Letter
from mail.address import Address, BadAddress, parse_address

SUBJECT_MAX: Final = 70  # characters; what lists show on a desktop, phones show some 40
_SHOUTED_MIN: Final = 8  # letters; shorter ones may be a name
# Marks of Jinja2, of the modelled system's templates, and of some other tools.
UNFILLED: Final = re.compile(r"\{\{|\}\}|\{%|<%|%>|\*\|\w+\|\*|\[\[\w+\]\]|\$\{\w+\}|%%\w+%%")
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")


def check_sender(letter: Letter) -> Iterator[Finding]:
    """Whether there is a From with one address and a name, of a domain that is ours."""
    header = letter.header("from")
    line = letter.line_of_header("from")
    if header is None or not header.value:
        yield Finding(
            Code.SENDER_MISSING,
            line,
            "there is no From header",
            "Write From: Name <address@domain>; without it most receivers refuse the message.",
        )
        return
    said = letter.made[0].sender if letter.made else header.value
    if not letter.made and _EXPRESSION.search(header.value):
        return  # who it is from is known for a recipient only
    found = [(name, address) for name, address in getaddresses([said]) if address]
    address = _address(found[0][1]) if len(found) == 1 else None
    if address is None:
        what = f"From is not one readable address: {shown(said)}"
        yield Finding(Code.SENDER_BROKEN, line, what, "Write From: Name <address@domain>.")
        return
    if not found[0][0].strip():
        what = f"From has no name, only {address}"
        remedy = f"Write From: Name <{address}>; readers go by the name first."
        yield Finding(Code.SENDER_NAMELESS, line, what, remedy)
    domain = address.domain
    ours = letter.around.domains
    # Relaxed alignment (RFC 7489, 3.1): one may stand above the other.
    if ours and not any(
        f".{domain}".endswith(f".{each}") or each.endswith(f".{domain}") for each in ours
    ):
        yield Finding(
            Code.SENDER_FOREIGN,
            line,
            f"From is of {domain}, for which no DKIM key signs, and which is not the lab's domain",
            f"Add a [[dkim]] key for {domain} (`mtalab dkim key`), or send as the lab's domain.",
        )


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except BadAddress:
        return None


def check_subject(letter: Letter) -> Iterator[Finding]:
    """Whether there is one that can be shown."""
    header = letter.header("subject")
    line = letter.line_of_header("subject")
    subjects = [each.subject for each in letter.made]
    if not subjects and header is not None and not _EXPRESSION.search(header.value):
        subjects = [header.value]
    if header is None or not header.value or any(not each.strip() for each in subjects):
        what = "there is no Subject, or it is empty for one of the first recipients"
        yield Finding(
            Code.SUBJECT_MISSING, line, what, "Write Subject: and what the mail is about."
        )
        return
    for each in subjects[:1]:
        yield from _check_words(each, line)
    left = next((each for each in subjects if UNFILLED.search(each)), None)
    if left is not None:
        what = f"the subject goes out as {shown(left)!r}"
        remedy = "Fields are written {{ name }}; the columns of the recipients are their names."
        yield Finding(Code.SUBJECT_UNFILLED, line, what, remedy)


def _check_words(subject: str, line: int | None) -> Iterator[Finding]:
    if len(subject) > SUBJECT_MAX:
        what = f"the subject has {len(subject)} characters: {shown(subject)!r}"
        remedy = f"Say it in {SUBJECT_MAX}; a phone shows some 40."
        yield Finding(Code.SUBJECT_LONG, line, what, remedy)
    letters = [each for each in subject if each.isalpha()]
    is_shouted = len(letters) >= _SHOUTED_MIN and "".join(letters).isupper()
    if is_shouted or "!!" in subject:
        what = f"the subject shouts: {shown(subject)!r}"
        remedy = "Write it as a sentence; filters count capitals and exclamation marks."
        yield Finding(Code.SUBJECT_SHOUTS, line, what, remedy)
