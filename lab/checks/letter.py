"""A message as it is checked: its source in parts, and as it goes out to the first recipients."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final

from lab.checks.page import Page, read_page
from lab.checks.tracking import with_its_links
from lab.submit.recipients import Recipient
from mail.message_id import message_id_header, return_path
from mail.tracked import MIRROR_FIELD, UNSUBSCRIBE_FIELD
from mta.errors import BadTemplate, PersonalizationError, UnknownField
from mta.render import Personal, Template
from mta.render.source import SourceHeader, SourcePart, read_source
from tracking.settings import TrackingSettings

FIRST: Final = 5  # recipients for whom the message is made
_OURS: Final = {  # what a message has besides the columns, as it would look
    UNSUBSCRIBE_FIELD: "http://127.0.0.1/u/" + "x" * 40,
    MIRROR_FIELD: "http://127.0.0.1/m/" + "x" * 40,
}


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text of the source that a reader sees, decoded; ``line_of`` leads to the file's lines."""

    is_html: bool
    text: str
    line_of: Callable[[int], int]
    page: Page  # empty where it is no HTML


@dataclass(frozen=True, slots=True)
class Made:
    """The message as it goes out to one recipient."""

    address: str
    size: int
    subject: str
    sender: str  # From, decoded
    texts: Sequence[tuple[bool, str]]  # is it HTML, and the text


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a letter is held against; times in seconds."""

    domains: frozenset[str] = frozenset()  # the lab's own, and those that its keys sign for
    is_tracked: bool = False
    validity_s: float | None = None  # None: not asked about
    waves_until_s: float | None = None  # when the last wave begins, after the contact date
    retries_s: tuple[float, ...] = ()
    recipients: int | None = None
    is_proof: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """All that checks look at."""

    headers: Sequence[SourceHeader]
    parts: Sequence[SourcePart]  # without multiparts
    texts: Sequence[TextPart]
    made: Sequence[Made]
    failed: Sequence[tuple[str, str]] = ()  # recipients for whom it cannot be made, and why
    broken: BadTemplate | None = None  # why it can be made for nobody
    unknown: Sequence[UnknownField] = ()  # fields that the columns lack
    around: Surroundings = field(default_factory=Surroundings)

    def header(self, name: str) -> SourceHeader | None:
        """The first of this name."""
        found = (each for each in self.headers if each.name.lower() == name)
        return next(found, None)

    def line_of_header(self, name: str) -> int | None:
        found = self.header(name)
        return None if found is None else found.place.line_of(1)

    @property
    def pages(self) -> Iterator[TextPart]:
        return (each for each in self.texts if each.is_html)


def read_letter(
    source: bytes,
    file: str,
    first: Sequence[Recipient],
    around: Surroundings,
    now: float,
    tracking: TrackingSettings,
) -> Letter:
    """Read a source and make it for the first recipients; with none of them it is not made.

    Raises:
        BadTemplate: the source cannot be read.
    """
    root = read_source(source, file)
    parts = list(_leaves(root))
    texts = [_text(each) for each in parts if each.is_text]
    try:
        template = with_its_links(source, file, tracking)
    except BadTemplate as error:
        return Letter(root.headers, parts, texts, (), broken=error, around=around)
    unknown = template.unknown_fields(first[0].fields.keys()) if first else ()
    made: list[Made] = []
    failed: list[tuple[str, str]] = []
    for each in first if not unknown else ():
        try:
            made.append(_made(template, each, now))
        except PersonalizationError as error:
            failed.append((str(each.address), str(error)))
    return Letter(root.headers, parts, texts, made, failed, None, unknown, around)


def _leaves(part: SourcePart) -> Iterator[SourcePart]:
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if each.is_multipart:
            waiting.extend(reversed(each.children))
        else:
            yield each


def _text(part: SourcePart) -> TextPart:
    charset = dict(part.parameters).get("charset", "utf-8")
    try:
        text = part.content.decode(charset, "replace")
    except LookupError:
        text = part.content.decode("utf-8", "replace")
    is_html = part.type in ("text/html", "application/xhtml+xml")
    return TextPart(is_html, text, part.place.line_of, read_page(text) if is_html else Page())


def _made(template: Template, recipient: Recipient, now: float) -> Made:
    address = str(recipient.address)
    personal = Personal(
        0, 0, address, {**_OURS, **recipient.fields}, now, message_id_header(0, 0, "x.test"),
        return_path("x.test", 0, 0),
    )  # fmt: skip
    content = template.render(personal).content
    message = message_from_bytes(content, policy=policy.compat32)
    texts: list[tuple[bool, str]] = []
    for part in message.walk():
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and part.get_filename() is None:
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                texts.append((kind == "text/html", payload.decode("utf-8", "replace")))
    subject, sender = (_decoded(message.get(name, "")) for name in ("Subject", "From"))
    return Made(address, len(content), subject, sender, texts)


def _decoded(value: object) -> str:
    raw = " ".join(str(value).split())
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return raw
