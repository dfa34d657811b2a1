"""Links that lead to the tracking server: what differs between messages is put in for each.

What a link is, and where one stands, is another room's matter: it hands in a ``Tracking``.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from html import unescape
from typing import Any, Final, Protocol
from urllib.parse import quote

from markupsafe import Markup, escape

from mail.tracked import MIRROR_FIELD, UNSUBSCRIBE_FIELD, LinkPlace, Rewritten
from mta.errors import PersonalizationError
from mta.render import header_text
from mta.render.expression import HTML, PLAIN, Expression, Field, compile_text
from mta.render.source import Place

Seal = Callable[[int, Sequence[str]], str]  # message, values → what ends a link

TAIL: Final = 24  # characters of what ends a link, letters, digits, "-" and "_"
SAMPLE: Final = "x" * TAIL
_IN_HEADER: Final = "x"
_FIELDS: Final = (UNSUBSCRIBE_FIELD, MIRROR_FIELD)
UNSUBSCRIBE_HEADERS: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
UNTRACKED: Final = dict.fromkeys(_FIELDS, "")  # what a source gets that asks in vain


class Tracking(Protocol):
    """The links of one delivery."""

    def rewrite(self, text: str, *, is_html: bool, has_pixel: bool) -> Rewritten:
        """A text of the source with links of ours; ``has_pixel``: HTML gets the open pixel."""
        ...

    def sealer(self, content: str, number: int) -> Seal:
        """What ends a link, in ``TAIL`` characters; ``content`` is h, t, or x for a header."""
        ...

    def given(self) -> Mapping[str, tuple[str, int]]:
        """Fields that are links of ours: how each begins in a header, and its number."""
        ...


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """One link of a part, for all places where the part has it."""

    name: str
    seal: Seal
    values: tuple[Expression, ...]
    is_html: bool
    is_called: bool

    @property
    def has_fixed_length(self) -> bool:
        return not self.values and not self.is_called

    def put(self, message_id: int, values: dict[str, Any]) -> None:
        """Put what the text asks for among the values. Raises PersonalizationError."""
        if self.is_called:
            values[self.name] = lambda *asked: self._ended(
                message_id,
                [unescape(str(escape(each))) if self.is_html else str(each) for each in asked],
            )
        elif self.values:
            filled = [each.fill(values) for each in self.values]
            values[self.name] = self._ended(
                message_id, [unescape(each) for each in filled] if self.is_html else filled
            )
        else:
            values[self.name] = self.seal(message_id, ())

    def _ended(self, message_id: int, values: Sequence[str]) -> str:
        """The end of a link that carries values, as it stands in the text."""
        try:
            asked = [f"{at}={quote(each, safe='')}" for at, each in enumerate(values, 1)]
        except UnicodeEncodeError as error:
            raise PersonalizationError(
                "a field in a link holds half a surrogate pair, which is no text"
            ) from error
        tail = f"{self.seal(message_id, values)}?"
        if not self.is_html:
            return tail + "&".join(asked)
        # Letters, digits and what quote() leaves: nothing of a field is markup.
        return Markup(tail + "&amp;".join(asked))  # noqa: S704


def slots_of(
    rewritten: Rewritten, tracking: Tracking, place: Place, *, is_html: bool
) -> tuple[LinkSlot, ...]:
    """The links of a text. Raises BadTemplate."""
    content = "h" if is_html else "t"
    return tuple(
        LinkSlot(
            each.name,
            tracking.sealer(content, each.number),
            _expressions(each, place, is_html=is_html),
            is_html,
            each.is_called,
        )
        for each in rewritten.links
    )


def _expressions(link: LinkPlace, place: Place, *, is_html: bool) -> tuple[Expression, ...]:
    if link.is_called:
        return ()
    environment = HTML if is_html else PLAIN
    return tuple(compile_text(f"{{{{{each}}}}}", environment, place) for each in link.values)


@dataclass(frozen=True, slots=True)
class GivenSlot:
    """A field that is a link of ours, for headers and for expressions that work with it."""

    name: str
    beginning: str
    seal: Seal

    def put(self, message_id: int, values: dict[str, Any]) -> None:
        values[self.name] = self.beginning + self.seal(message_id, ())


def given_slots(tracking: Tracking | None, asked: Mapping[str, Field]) -> tuple[GivenSlot, ...]:
    """Those that the source asks for."""
    given = {} if tracking is None else tracking.given()
    return tuple(
        GivenSlot(name, given[name][0], tracking.sealer(_IN_HEADER, given[name][1]))
        if tracking is not None and name in given
        else GivenSlot(name, "", lambda *_: "")
        for name in _FIELDS
        if name in asked
    )


@dataclass(frozen=True, slots=True)
class UnsubscribeHeaders:
    """List-Unsubscribe and what makes it one click (RFC 8058)."""

    before: str
    after: str
    seal: Seal

    def fill(self, message_id: int) -> str:
        return f"{self.before}{self.seal(message_id, ())}{self.after}"


def unsubscribe_headers(
    tracking: Tracking | None, names: AbstractSet[str]
) -> UnsubscribeHeaders | None:
    """Those of a message that has none of its own; ``names`` are its headers', in lower case."""
    if tracking is None or not UNSUBSCRIBE_HEADERS.isdisjoint(names):
        return None
    found = tracking.given().get(UNSUBSCRIBE_FIELD)
    if found is None:
        return None
    beginning, number = found
    header = header_text.tokens("List-Unsubscribe", f"<{beginning}{SAMPLE}>")
    before, _, after = header.rpartition(SAMPLE)
    one_click = header_text.tokens("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    return UnsubscribeHeaders(before, after + one_click, tracking.sealer(_IN_HEADER, number))
