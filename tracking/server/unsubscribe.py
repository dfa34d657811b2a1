"""Unsubscribing: a page with a button, and the one click of RFC 8058.

Following a link never unsubscribes: scanners follow all. What a person presses, or a mail program
that a person told to, is a POST.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from mail.tracked import Kind
from tracking.server import answers
from tracking.server.desk import Desk, Refused, query_of, values_in

BODY_MAX: Final = 4096  # bytes; a mail program sends some 30
_WANTED: Final = frozenset((("List-Unsubscribe", "One-Click"), ("unsubscribe", "yes")))


def asked_by(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        await desk.read(request.path_params["token"], values_in(query_of(request.scope)))
        return answers.ask_to_unsubscribe()

    return page


def done_by(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def unsubscribe(request: Request) -> Response:
        who = request.scope["asker"]
        token, _ = await desk.read(request.path_params["token"], values_in(query_of(request.scope)))
        if not _is_wanted(request.headers.get("content-type", ""), await _body(request)):
            raise Refused("bad_value")
        desk.note(who, token, Kind.OPT_OUT, who.person)
        return answers.unsubscribed()

    return unsubscribe


async def _body(request: Request) -> bytes:
    """What was posted.

    Raises:
        Refused: it is too large, or did not come whole.
    """
    found = bytearray()
    try:
        async for piece in request.stream():
            found += piece
            if len(found) > BODY_MAX:
                raise Refused("too_large")
    except ClientDisconnect as error:
        raise Refused("bad_value") from error
    return bytes(found)


def _is_wanted(content_type: str, body: bytes) -> bool:
    """Whether a form says so: URL-encoded, or in parts, which RFC 8058 allows too (section 3.2)."""
    text = body.decode("latin-1")
    if content_type.lower().startswith("multipart/form-data"):
        return _is_said_in_parts(text)
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return False
    return not _WANTED.isdisjoint(pairs)


def _is_said_in_parts(text: str) -> bool:
    """Whether a part is one of those wanted; each has its name in a header and then its value."""
    for name, value in _WANTED:
        head, found, rest = text.partition(f'name="{name}"')
        if found and head and rest.partition("\r\n\r\n")[2].startswith(f"{value}\r\n--"):
            return True
    return False
