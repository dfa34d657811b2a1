"""What all requests need: who asks, what their token says, and where it is written down."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl

from mail.tracked import Kind
from tracking.event import Event, said
from tracking.server.book import Away, Book, Known
from tracking.server.event_log import EventLog
from tracking.token import Token, sealed
from world.chance import Chance
from world.clock import Clock

FIELDS_MAX: Final = 200  # of a query
_COOKIES: Final = "; Path=/; HttpOnly; SameSite=Lax"  # of both
# The browser's name, which it keeps for a year, and its last click's token, while it runs.
_PERSON: Final = re.compile(
    rb"(?:^|;\s*)mtalab=([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?=;|\s*$)"
)
_CLICK: Final = re.compile(rb"(?:^|;\s*)mtalab_click=([A-Za-z0-9._-]{1,80})(?=;|\s*$)")
_YEAR_S: Final = 365 * 86400
Scope = Mapping[str, Any]


class Mirrors(Protocol):
    """Makes the HTML of a message anew, as it was sent."""

    def __call__(self, delivery_id: int, message_id: int, /) -> Awaitable[str | None]:
        """The HTML; None: it has none, or it is no longer known. Raises StoreUnavailable."""
        ...


async def no_mirror(_delivery_id: int, _message_id: int, /) -> str | None:
    """A lab that cannot show messages."""
    return None


class Refused(Exception):
    """A request gets a plain page; ``why`` is one of ``answers.REFUSALS``."""

    def __init__(self, why: str, known: Known | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.known = known  # of an expired link


class Asker(NamedTuple):
    """Who asks, as far as they say."""

    host: bytes
    agent: str
    cookies: bytes
    ip: str
    method: str

    @property
    def person(self) -> str:
        found = _PERSON.search(self.cookies)
        return "" if found is None else found[1].decode("ascii")

    @property
    def click(self) -> str:
        found = _CLICK.search(self.cookies)
        return "" if found is None else found[1].decode("ascii")


def asker(scope: Scope) -> Asker:
    host = cookies = agent = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"user-agent":
            agent = value
        elif name == b"cookie":
            cookies = value
    client = scope.get("client")
    return Asker(
        host,
        said(agent.decode("latin-1")),
        cookies,
        "" if client is None else client[0],
        scope["method"],
    )


def query_of(scope: Scope) -> dict[str, str]:
    """The fields of a query; of those with one name the first.

    Raises:
        Refused: they are too many, or not in UTF-8.
    """
    raw = scope["query_string"]
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:  # with UnicodeDecodeError
        raise Refused("bad_value") from error
    return dict(reversed(pairs))


def values_in(query: Mapping[str, str]) -> tuple[str, ...]:
    """Values of personal fields: 1, 2, … as long as they go on."""
    values: list[str] = []
    while (value := query.get(str(len(values) + 1))) is not None:
        values.append(value)
    return tuple(values)


@dataclass(frozen=True, slots=True)
class Desk:
    """The server's own, for whoever answers a request."""

    book: Book
    log: EventLog
    clock: Clock
    chance: Chance
    mirrors: Mirrors
    hosts: Callable[[], frozenset[str] | None]  # that may be asked for; None: all
    version: str
    host: str

    async def read(self, text: str, values: tuple[str, ...] = ()) -> tuple[Token, Known]:
        """The message and link that a token stands for.

        Raises:
            Refused: it is not ours, or of a delivery that is gone or has expired.
        """
        try:
            token = self.book.opened(text, values) or await self.book.opened_by_any(text, values)
            if token is None:
                raise Refused("not_ours")
            known = self.book.at_hand(token.delivery_id) or await self.book.find(token.delivery_id)
        except Away as error:
            raise Refused("away") from error
        if known is None:
            raise Refused("gone")
        until = known.tracked.valid_until
        if until is not None and self.clock.now() >= until:
            raise Refused("expired", known)
        return token, known

    def note(self, asker: Asker, token: Token, kind: Kind, person: str, **more: Any) -> None:
        """Write down what was done."""
        self.log.append(
            Event(
                self.clock.now(),
                kind,
                token.delivery_id,
                token.message_id,
                token.url,
                person,
                asker.agent,
                asker.ip,
                asker.method,
                **more,
            )
        )

    def new_person(self) -> str:
        """A name for a browser: a UUID of version 4."""
        dice = self.chance.random
        made = "%013x%013x%013x" % (  # noqa: UP031 - a third of the time of an f-string
            int(dice() * 2**52),
            int(dice() * 2**52),
            int(dice() * 2**52),
        )
        variant = "89ab"[int(made[15], 16) & 3]
        return f"{made[:8]}-{made[8:12]}-4{made[12:15]}-{variant}{made[16:19]}-{made[19:31]}"

    def cookies(
        self, person: str, token: Token, text: str, values: tuple[str, ...]
    ) -> tuple[tuple[bytes, bytes], ...]:
        """What a browser that clicks keeps: who it is, and what it clicked last."""
        if values:  # the token as it would be without them
            keys = self.book.keys
            assert keys is not None, "the token was opened by them"
            text = sealed(keys, token)
        return (
            (b"set-cookie", f"mtalab={person}; Max-Age={_YEAR_S}{_COOKIES}".encode("ascii")),
            (b"set-cookie", f"mtalab_click={text}{_COOKIES}".encode("ascii")),
        )
