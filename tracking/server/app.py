"""The application: which request goes where. Links of messages take the short way."""

import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mail.tracked import PIXEL, Kind
from tracking.server import answers, mirror, unsubscribe, visits
from tracking.server.desk import Asker, Desk, Refused, asker, query_of, values_in

_LINK: Final = "/r/"
_TEST: Final = "/r/test"
_READING: Final = ("GET", "HEAD")
_DOORS: Final[dict[Kind | None, str]] = {Kind.MIRROR: "/m/", Kind.OPT_OUT: "/u/"}  # of ours


class TrackingApp:
    """An ASGI application."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages = _pages(desk)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        who = asker(scope)
        try:
            self._check_host(who)
            path: str = scope["path"]
            if path.startswith(_LINK) and path != _TEST:
                await self._follow(who, scope, send)
                return
            response: ASGIApp = self._pages
            scope["asker"] = who
        except Refused as refused:
            response = refuse(self._desk, refused, who, scope["path"])
        await response(scope, receive, send)

    def _check_host(self, who: Asker) -> None:
        allowed = self._desk.hosts()
        if allowed is not None and who.host and host_name(who.host) not in allowed:
            raise Refused("wrong_host")

    async def _follow(self, who: Asker, scope: Scope, send: Send) -> None:
        """Lead on to where a link of a message leads."""
        if who.method not in _READING:
            raise Refused("method")
        desk = self._desk
        values = values_in(query_of(scope)) if scope["query_string"] else ()
        text = scope["path"][len(_LINK) :]
        token, known = await desk.read(text, values)
        person = who.person
        if token.url == PIXEL:
            desk.note(who, token, Kind.OPEN, person)
            await answers.pixel(send, has_body=who.method == "GET")
            return
        kind = known.kinds.get(token.url)
        target = known.targets.get(token.url)
        door = _DOORS.get(kind) if target is None or kind is Kind.MIRROR else None
        if door is not None:
            # What is counted is what happens there: a page that is shown, a button that is pressed.
            await answers.redirect(send, _behind(door, text, values), ())
            return
        place = None if target is None else target.filled(values)
        if kind is None or place is None:
            raise Refused("gone")
        cookies: tuple[tuple[bytes, bytes], ...] = ()
        if who.method == "GET":
            person = person or desk.new_person()
            cookies = desk.cookies(person, token, text, values)
        desk.note(who, token, kind, person)
        await answers.redirect(send, place.encode("ascii"), cookies)


def _behind(door: str, text: str, values: tuple[str, ...]) -> bytes:
    """The path of another page about a token, with the values that it was sealed with."""
    query = urlencode({str(number): each for number, each in enumerate(values, 1)})
    return f"{door}{text}{'?' * bool(query)}{query}".encode("ascii")


@functools.lru_cache(maxsize=64)
def host_name(header: bytes) -> str:
    """The name in a Host header, without its port."""
    text = header.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    return name if colon and not port.endswith("]") else text


def refuse(desk: Desk, refused: Refused, who: Asker, path: str) -> Response:
    """The answer to a request that is refused, and its line in the log."""
    desk.log.refuse(refused.why, path=path, agent=who.agent, ip=who.ip)
    known = refused.known
    if known is not None and known.expired_target is not None:
        return RedirectResponse(known.expired_target, 302, {"cache-control": "no-store"})
    return answers.refusal(refused.why)


def _pages(desk: Desk) -> Starlette:
    # All of them are coroutines: Starlette runs plain functions in threads.
    async def on_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return refuse(desk, error, request.scope["asker"], request.url.path)

    def because(why: str) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def answer(request: Request, _: Exception) -> Response:
            return refuse(desk, Refused(why), request.scope["asker"], request.scope["path"])

        return answer

    async def test(request: Request) -> Response:
        return _alive(desk, wants_json="json" in request.headers.get("accept", ""))

    return Starlette(
        routes=[
            Route(_TEST, test),
            Route("/m/{token}", mirror.shown_by(desk)),
            Route("/u/{token}", unsubscribe.asked_by(desk)),
            Route("/u/{token}", unsubscribe.done_by(desk), methods=["POST"]),
            Route("/w/{token}", visits.noted_by(desk)),
            Route("/w/", visits.noted_by(desk)),
        ],
        exception_handlers={
            Refused: on_refused,
            404: because("no_such_page"),
            405: because("method"),
        },
    )


def _alive(desk: Desk, *, wants_json: bool) -> Response:
    """That the server is there; may be asked every second."""
    facts = {
        "status": "OK" if desk.log.lost == 0 else "LOSING",
        "date": datetime.fromtimestamp(desk.clock.now(), UTC).isoformat(timespec="milliseconds"),
        "version": desk.version,
        "host": desk.host,
        "lost": desk.log.lost,
    }
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if wants_json:
        return JSONResponse(facts, headers=headers)
    words = " ".join(f"{name}={quoteattr(str(value))}" for name, value in facts.items())
    return Response(f"<redir {words}/>\n", 200, headers, "application/xml")
