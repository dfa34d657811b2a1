"""One POST over real sockets, to receivers of all kinds."""

import asyncio
import contextlib
import ipaddress
import ssl

import pytest

from lab.webhook_settings import target_of
from lab.webhooks.post import NotDelivered, Request, post
from tests.fakes.authority import authority

BODY = b'{"data":[]}'


def posted(answer, *, timeout_s=5.0, tls=None, scheme="http", server_tls=None):
    """What comes of a POST to a server that reads the request and then writes this."""
    heard = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(head + await reader.readexactly(len(BODY)))
        if answer is not None:
            writer.write(answer)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls)
        port = server.sockets[0].getsockname()[1]
        async with server:
            target = target_of(f"{scheme}://127.0.0.1:{port}/hook?x=1")
            headers = [("webhook-id", "msg_1")]
            return await post(Request(target, headers, BODY, timeout_s, tls))

    return asyncio.run(main()), heard[0]


def refusal(answer, **more):
    with pytest.raises(NotDelivered) as failed:
        posted(answer, **more)
    return failed.value


def test_it_is_a_plain_request():
    status, heard = posted(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert status == 204
    head, _, body = heard.partition(b"\r\n\r\n")
    assert body == BODY
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /hook?x=1 HTTP/1.1"
    assert {"content-type: application/json", "webhook-id: msg_1", "connection: close"} <= {
        each.lower() for each in lines
    }


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 202 Accepted\r\n\r\nwords until the end",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\n\r\n",
    ],
)
def test_any_status_of_two_hundred_is_taken(answer):
    assert 200 <= posted(answer)[0] < 300


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nno!", "answered 500: no!"),
        (b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 410 Gone\r\n\r\na\x1b[31m\r\nb", "answered 410: a [31m  b"),
        (b"", "the connection was closed without an answer"),
        (b"220 mx.test ESMTP\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 30\r\n\r\ncut", "no HTTP answer"),
        (b"HTTP/1.1 500 Oh\r\n\r\n" + b"x" * 10_000_000, "answered 500: xxx"),
    ],
)
def test_anything_else_is_not_and_says_why(answer, why):
    assert str(refusal(answer)).startswith(why)


def test_silence_ends_in_time():
    assert str(refusal(None, timeout_s=0.2)) == "no answer within 0.2 s"


@pytest.mark.parametrize(("value", "wait"), [("30", 30.0), ("soon", 0.0), ("-1", 0.0)])
def test_a_receiver_may_ask_for_a_pause(value, wait):
    answer = f"HTTP/1.1 503 No\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n".encode()
    assert refusal(answer).retry_after_s == wait


def test_nobody_listens():
    async def main():
        await post(Request(target_of("http://127.0.0.1:1/"), [], BODY, 5.0))

    with pytest.raises(NotDelivered, match="no connection"):
        asyncio.run(main())


def test_https_is_verified(tmp_path):
    ours, others = authority("ours"), authority("others")
    here = [ipaddress.ip_address("127.0.0.1")]
    server_tls = ours.server_context(tmp_path, "hook.test", addresses=here)
    trusted = ssl.create_default_context(cadata=ours.pem)
    answer = b"HTTP/1.1 204 No Content\r\n\r\n"
    given = {"scheme": "https", "server_tls": server_tls}
    assert posted(answer, tls=trusted, **given)[0] == 204
    strange = ssl.create_default_context(cadata=others.pem)
    assert "CERTIFICATE_VERIFY_FAILED" in str(refusal(answer, tls=strange, **given))
