"""One request, as a browser sends it: HTTP/1.1 by h11, connections kept for a moment."""

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from world.clock import Clock
from world.network import ForbiddenDestination

TIMEOUT_S: Final = 15.0
IDLE_S: Final = 2.0  # servers close what is idle for longer, uvicorn after 5 s
BODY_MAX: Final = 2_000_000  # bytes of an answer; what is over is not read
_BLOCK: Final = 65_536
_URL: Final = re.compile("[!-~]+")  # as it stands in a request


class NotReached(Exception):
    """No server took the request: it has not been seen."""


class Unanswered(Exception):
    """The request went out, and no answer was read: it may have been seen."""


class Place(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    url: str
    method: str = "GET"
    agent: str = ""
    cookies: tuple[str, ...] = ()  # name=value
    form: str | None = None  # of a POST

    @property
    def place(self) -> Place:
        return place_of(urlsplit(self.url))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    location: str = ""  # absolute
    cookies: tuple[str, ...] = ()
    body: bytes = b""


def place_of(parts: SplitResult) -> Place:
    return Place(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def may_go(url: str, admit: Callable[[str], str]) -> bool:
    """Whether readers may ask for it: plain HTTP at an address that is allowed, no name."""
    try:
        parts = urlsplit(url)
        place = place_of(parts)
        if parts.scheme.lower() != "http" or _URL.fullmatch(url) is None or "@" in parts.netloc:
            return False
        ipaddress.ip_address(place.host)
        admit(place.host)
    except (ValueError, ForbiddenDestination):
        return False
    return place.port > 0


@dataclass(eq=False, slots=True)
class _Kept:
    """A connection between two requests."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection
    idle_since: float = 0.0


@dataclass
class Browser:
    """Sends one request at a time."""

    clock: Clock
    _kept: dict[Place, _Kept] = field(default_factory=dict)

    async def ask(self, asked: Asked) -> Answer:
        """Raises NotReached and Unanswered."""
        connection = await self._connection(asked.place)
        with contextlib.ExitStack() as unless_answered:
            unless_answered.callback(connection.writer.close)
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    answer = await self._exchange(connection, asked)
            except (OSError, TimeoutError, h11.ProtocolError, EOFError) as error:
                raise Unanswered(str(error) or type(error).__name__) from error
            unless_answered.pop_all()
        self._put_by(asked.place, connection)
        return answer

    def close(self) -> None:
        """Hang up."""
        for each in self._kept.values():
            each.writer.close()
        self._kept.clear()

    async def _connection(self, place: Place) -> _Kept:
        kept = self._kept.pop(place, None)
        if kept is not None:
            is_fresh = self.clock.monotonic() - kept.idle_since < IDLE_S
            if is_fresh and not kept.reader.at_eof() and not kept.writer.is_closing():
                return kept
            kept.writer.close()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection(place.host, place.port)
        except (OSError, TimeoutError) as error:
            raise NotReached(str(error) or "no connection in time") from error
        return _Kept(reader, writer, h11.Connection(h11.CLIENT))

    def _put_by(self, place: Place, kept: _Kept) -> None:
        if kept.state.our_state is h11.DONE and kept.state.their_state is h11.DONE:
            kept.state.start_next_cycle()
            kept.idle_since = self.clock.monotonic()
            self._kept[place] = kept
        else:
            kept.writer.close()

    async def _exchange(self, kept: _Kept, asked: Asked) -> Answer:
        state, body = kept.state, (asked.form or "").encode("ascii")
        request = h11.Request(
            method=asked.method, target=_target(asked.url), headers=_headers(asked, len(body))
        )
        out = [state.send(request)]
        if body:
            out.append(state.send(h11.Data(data=body)))
        out.append(state.send(h11.EndOfMessage()))
        kept.writer.write(b"".join(each for each in out if each))
        return await self._answer(kept, asked)

    async def _answer(self, kept: _Kept, asked: Asked) -> Answer:
        state = kept.state
        response: h11.Response | None = None
        body = bytearray()
        while True:
            event = state.next_event()
            if event is h11.NEED_DATA:
                state.receive_data(await kept.reader.read(_BLOCK))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_MAX:
                    break
            elif isinstance(event, h11.InformationalResponse):
                continue
            else:
                break  # its end, or that of the connection
        if response is None:
            raise EOFError("the server hung up without an answer")
        return _answer(response, asked.url, bytes(body))


def _target(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _headers(asked: Asked, length: int) -> list[tuple[str, str]]:
    found = [("Host", urlsplit(asked.url).netloc), ("Accept", "*/*")]
    if asked.agent:
        found.append(("User-Agent", asked.agent))
    if asked.cookies:
        found.append(("Cookie", "; ".join(asked.cookies)))
    if asked.form is not None:
        found.append(("Content-Type", "application/x-www-form-urlencoded"))
        found.append(("Content-Length", str(length)))
    return found


def _answer(response: h11.Response, url: str, body: bytes) -> Answer:
    location, cookies = "", []
    for name, value in response.headers:
        if name == b"location":
            location = urljoin(url, value.decode("latin-1"))
        elif name == b"set-cookie":
            cookies += _cookies_in(value.decode("latin-1"))
    return Answer(response.status_code, location, tuple(cookies), body)


def _cookies_in(header: str) -> list[str]:
    jar: SimpleCookie = SimpleCookie()
    with contextlib.suppress(CookieError):
        jar.load(header)
    return [f"{name}={each.coded_value}" for name, each in jar.items()]


def together(cookies: Mapping[str, str], given: tuple[str, ...]) -> dict[str, str]:
    """A jar with what was given put in, by name."""
    found = dict(cookies)
    for each in given:
        name, _, _ = each.partition("=")
        found[name] = each
    return found
