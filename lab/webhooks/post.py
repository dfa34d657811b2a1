"""One POST by HTTP/1.1 (RFC 9112): h11 speaks it, over asyncio's streams.

Not httpx: it waits by anyio, which a simulated loop has no ground for. A connection each time: a
kept one may be closed as it is used, and then nobody knows whether the request was taken.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h11

from lab.webhook_settings import Target

_PIECE: Final = 16 * 1024
_BODY_MAX: Final = 64 * 1024  # of an answer; what is longer is not read
_SHOWN_MAX: Final = 200


class NotDelivered(Exception):
    """It is not known that the receiver took it; the words say why."""

    def __init__(self, why: str, retry_after_s: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s  # the receiver asked not to be tried before


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and where to."""

    target: Target
    headers: Sequence[tuple[str, str]]
    body: bytes
    timeout_s: float
    tls: ssl.SSLContext | None = None


async def post(request: Request) -> int:
    """Send it; returns the status of an answer that took it, 200 to 299.

    Raises:
        NotDelivered: no connection, no answer in time, or another answer.
    """
    try:
        async with asyncio.timeout(request.timeout_s):
            return await _exchange(request)
    except TimeoutError:
        raise NotDelivered(f"no answer within {request.timeout_s:g} s") from None
    except OSError as error:
        raise NotDelivered(f"no connection: {error.strerror or error}") from error
    except h11.RemoteProtocolError as error:
        raise NotDelivered(f"no HTTP answer: {error}") from error


async def _exchange(request: Request) -> int:
    target = request.target
    reader, writer = await asyncio.open_connection(target.address, target.port, ssl=request.tls)
    try:
        connection = h11.Connection(h11.CLIENT)
        head = h11.Request(
            method="POST",
            target=target.path,
            headers=[
                ("host", target.authority),
                ("user-agent", "mtalab"),
                ("content-type", "application/json"),
                ("content-length", str(len(request.body))),
                ("connection", "close"),
                *request.headers,
            ],
        )
        pieces = (connection.send(each) for each in (head, h11.Data(request.body)))
        writer.write(b"".join(each or b"" for each in pieces))
        connection.send(h11.EndOfMessage())
        await writer.drain()
        return await _answer(connection, reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        match event:
            case h11.NEED_DATA:
                piece = await reader.read(_PIECE)
                if not piece and head is None:
                    raise NotDelivered("the connection was closed without an answer")
                connection.receive_data(piece)
            case h11.Response():
                head = event
                if 200 <= head.status_code < 300:
                    return head.status_code  # taken, whatever it has to say about it
            case h11.Data():
                body += event.data
            case h11.EndOfMessage() | h11.ConnectionClosed():
                break
            case _:
                pass  # 1xx
        if len(body) > _BODY_MAX:
            break
    assert head is not None, "there is no end without a beginning"
    raise NotDelivered(_said(head, bytes(body)), _retry_after_s(head))


def _said(head: h11.Response, body: bytes) -> str:
    words = body.decode("utf-8", "replace")[:_SHOWN_MAX]
    shown = "".join(each if each.isprintable() else " " for each in words).strip()
    return f"answered {head.status_code}{f': {shown}' if shown else ''}"


def _retry_after_s(head: h11.Response) -> float:
    """What Retry-After asks for (RFC 9110, 10.2.3), if it is a number of seconds; else 0."""
    for name, value in head.headers:
        if name == b"retry-after" and value.isdigit():
            return float(value[:9])
    return 0.0
