"""A receiver of webhooks that does as it is told, for real loops and simulated ones.

It checks signatures by the words of the specification, apart from the code that made them.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

import orjson

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HANG, CLOSE = "hang", "close"


@dataclass
class Received:
    """One request, and what was done with it."""

    headers: dict[str, str]
    body: bytes
    did: object

    @property
    def events(self):
        return orjson.loads(self.body)["data"]


@dataclass
class WebhookReceiver:
    """``answers(number)`` says of each request: a status, ``HANG``, or ``CLOSE``; from 1 on."""

    answers: object = lambda _number: 204
    requests: list[Received] = field(default_factory=list)
    retry_after: int | None = None

    def protocol(self):
        return _Protocol(self)

    async def listen(self, port=0):
        """Listen on a real socket; returns the server and its port."""
        server = await asyncio.get_running_loop().create_server(self.protocol, "127.0.0.1", port)
        return server, server.sockets[0].getsockname()[1]

    @property
    def taken(self):
        return [each for each in self.requests if isinstance(each.did, int) and each.did < 300]

    def times_taken(self):
        """How often each event was taken, by its id."""
        return Counter(event["id"] for each in self.taken for event in each.events)

    def times_seen(self):
        return Counter(event["id"] for each in self.requests for event in each.events)

    def in_order(self, stream):
        """The numbers of the events of a log, in the order in which they were first taken."""
        found = (event["id"] for each in self.taken for event in each.events)
        mine = (each for each in found if each.startswith(stream))
        return [int(each.rpartition("-")[2]) for each in dict.fromkeys(mine)]


class _Protocol(asyncio.Protocol):
    def __init__(self, receiver):
        self.receiver, self.buffer = receiver, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode().split("\r\n")
        headers = dict(
            each.lower().split(": ", 1)[:1] + each.split(": ", 1)[1:] for each in lines[1:]
        )
        if len(body) < int(headers["content-length"]):
            return
        receiver = self.receiver
        did = receiver.answers(len(receiver.requests) + 1)
        assert lines[0].startswith("POST "), lines[0]
        assert is_signed(headers, body)
        receiver.requests.append(Received(headers, body, did))
        if did == CLOSE:
            self.transport.close()
        elif did != HANG:
            more = (
                "" if receiver.retry_after is None else f"Retry-After: {receiver.retry_after}\r\n"
            )
            self.transport.write(
                f"HTTP/1.1 {did} Whatever\r\n{more}Content-Length: 5\r\n\r\nwords".encode()
            )


def is_signed(headers, body, secret=SECRET):
    """As "Verifying webhook authenticity" of Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert re.fullmatch(r"\d+", headers["webhook-timestamp"])
    return wanted in headers["webhook-signature"].split(" ")


def first(count, did, then=204):
    """Answers: ``did`` to the first so many requests, then another."""
    return lambda number: did if number <= count else then


def by_turns(*answers):
    """Answers: one after the other, over and over."""
    turns = itertools.cycle(answers)
    return lambda _number: next(turns)
