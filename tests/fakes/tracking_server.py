"""A server that tells what it was asked for; in place of the lab's own tracking server."""

import asyncio
from dataclasses import dataclass, field

import h11

FORM = b'<form method="post" action="?"><input name="sure" value="yes"><button>Yes</button></form>'
PIXEL = b"GIF89a"


@dataclass
class Request:
    at: float
    method: str
    target: str
    agent: str
    cookie: str
    body: bytes


@dataclass
class TrackingServer:
    """``requests`` in the order of their coming; ``broken``: hang up on these, by number."""

    requests: list[Request] = field(default_factory=list)
    hangs_up: bool = False

    def __call__(self):
        return _Connection(self)

    def answer(self, request):
        if request.target.startswith("/u/") or "/u?" in request.target:
            return 200, [("Content-Type", "text/html")], FORM
        if request.target.endswith("pixel"):
            return 200, [("Content-Type", "image/gif")], PIXEL
        given = [] if request.cookie else [("Set-Cookie", f"visitor=v{len(self.requests)}; Path=/")]
        return 302, [("Location", "https://shop.example/"), *given], b""


class _Connection(asyncio.Protocol):
    def __init__(self, server):
        self._server = server

    def connection_made(self, transport):
        self._transport, self._state = transport, h11.Connection(h11.SERVER)
        self._request, self._body = None, b""

    def data_received(self, data):
        self._state.receive_data(data)
        while True:
            event = self._state.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            else:
                return

    def eof_received(self):
        return False

    def _answer(self):
        headers = {name: value.decode() for name, value in self._request.headers}
        request = Request(
            asyncio.get_running_loop().time(),
            self._request.method.decode(),
            self._request.target.decode(),
            headers.get(b"user-agent", ""),
            headers.get(b"cookie", ""),
            self._body,
        )
        self._server.requests.append(request)
        if self._server.hangs_up:
            self._transport.close()
            return
        status, given, body = self._server.answer(request)
        given = [*given, ("Content-Length", str(len(body)))]
        out = self._state.send(h11.Response(status_code=status, headers=given))
        if request.method != "HEAD":
            out += self._state.send(h11.Data(data=body))
        self._transport.write(out + self._state.send(h11.EndOfMessage()))
        if self._state.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._state.start_next_cycle()
