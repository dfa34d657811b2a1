"""The tracking server on real sockets, asked by those who mean no good."""

import asyncio
import contextlib
import re
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.errors import ListenAddressUnusable
from sinks.listening import THIS_HOST, refusing
from store import deliveries, parts
from store.schema import open_store
from tests.fakes.log import NotingLog
from tests.fakes.tracked import BROWSER, MIRROR, URLS, link, token, track
from tracking.late_store import LateStore
from tracking.server.listening import REQUEST_MAX
from tracking.server.service import Surroundings, TrackingService
from tracking.server.target import target_of
from tracking.settings import TrackingSettings
from world.chance import SeededChance
from world.clock import SystemClock

PLACES = {target_of(each.url).pieces[0] for each in URLS if target_of(each.url)}


async def mirror(_delivery_id, message_id):
    return "<script>alert(1)</script><p>Hello é" if message_id == 1 else None


class Lab:
    """A server in a loop of its own thread's; ``port`` once it listens."""

    def __init__(self, folder, migrated):
        self.folder, self.url = folder, f"sqlite:///{folder / 'lab.db'}"
        (folder / "lab.db").write_bytes(migrated.read_bytes())
        with contextlib.closing(open_store(self.url)) as store:
            now = SystemClock().now()
            new = deliveries.NewDelivery(
                "x", "a", 0, 9, now, now, now + 9e6, "mail.eml", b"Subject: x"
            )
            number = store.write_now(deliveries.create, new)
            people = [parts.NewMessage("u@a.test", "a.test", "{}")]
            store.write_now(parts.add, number, [parts.NewPart("a", ["127.0.1.1"], people)], now)
            track(store, number)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.log = NotingLog()

    def service(self):
        clock = SystemClock()
        around = Surroundings(
            store=LateStore(lambda: open_store(self.url), clock),
            folder=self.folder / "tracking",
            clock=clock,
            chance=SeededChance(1),
            log=self.log,
            opens=THIS_HOST.append_file,
            bind=lambda listen: THIS_HOST.bind("it", listen),
            refusing=lambda listen: refusing("it", listen),
            mirrors=mirror,
            version="1",
            host="here",
        )
        return TrackingService(around, TrackingSettings(listen=f"127.0.0.1:{self.port}"))

    async def raw(self, data, *, ends=True):
        """All that comes back for these bytes, until the server hangs up or says no more."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            if ends:
                writer.write_eof()
            await writer.drain()
        found = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(5):
                while piece := await reader.read(65536):
                    found += piece
        writer.close()
        return found

    def play(self, main):
        """Run a coroutine function beside the server."""

        async def both():
            async with self.service().running():
                return await main()

        return asyncio.run(both())


@pytest.fixture(scope="module")
def lab(migrated_file):
    with tempfile.TemporaryDirectory() as place:
        yield Lab(Path(place), migrated_file)


def check(answer, lab, secret=b""):
    assert b"Traceback" not in answer
    assert re.match(rb"HTTP/1\.1 5(?!03)", answer) is None, answer
    if secret:
        assert secret not in answer
    for place in re.findall(rb"(?im)^location: ([^\r\n]*)", answer):
        at = place.decode("ascii")
        assert at in PLACES or at.startswith(("/m/", "/u/", "https://shop.example/")), at
    assert not [each for each in lab.log.events if each[0] == "logged"]


MARK = "xyzzy"
paths = st.one_of(
    st.text(max_size=20).map(lambda each: "/" + MARK + each),
    st.sampled_from([token(each) for each in range(8)]).flatmap(
        lambda each: st.sampled_from(
            [f"/r/{each}", f"/m/{each}", f"/u/{each}", f"/w/{each}?page=1", f"/r/{each}/",
             f"//r/{each}", f"/r/{each}%00", f"/r/{each}?1={MARK}&2=b", f"/r/{each[:-2]}",
             f"/w/{each}?page=1&amount={MARK}", "/r/test", "/w/", "*", f"http://{MARK}/r/{each}"]
        )
    ),
)  # fmt: skip
methods = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "BREW"]
)
headers = st.lists(
    st.tuples(
        st.sampled_from(["Host", "Cookie", "User-Agent", "Content-Length", "Content-Type",
                         "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Accept", "X"]),
        st.one_of(
            st.binary(max_size=12),
            st.sampled_from([b"127.0.0.1", b"chunked", b"close", b"websocket", b"5", b"-1",
                             b"9" * 30, b"mtalab=1; mtalab_click=x", b"100-continue", b"[::1"]),
        ),
    ),
    max_size=5,
)  # fmt: skip


def test_no_request_brings_it_to_fall(lab):
    async def main():
        @given(methods, paths, headers, st.binary(max_size=40))
        @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
        def hammer(method, path, given_headers, body):
            target = path.encode("utf-8", "surrogatepass").replace(b" ", b"")
            lines = b"".join(
                name.encode() + b": " + value.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
                for name, value in given_headers
            )
            requests.append(
                method.encode() + b" " + target + b" HTTP/1.1\r\n" + lines + b"\r\n" + body
            )

        requests = []
        hammer()
        for each in requests:
            check(await lab.raw(each), lab, MARK.encode())
        assert (await lab.raw(get(link(2)))).startswith(b"HTTP/1.1 302")

    lab.play(main)


def get(path, *more):
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {BROWSER}", *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def test_raw_bytes(lab):
    async def main():
        for data in (
            b"", b"\0", b"\r\n\r\n", b"GET", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00",
            b"GET /r/\xff\xfe HTTP/1.1\r\n\r\n", b"CONNECT evil.example:80 HTTP/1.1\r\n\r\n",
            b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HELO x\r\n",
            b"POST /u/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"POST /u/x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        ):  # fmt: skip
            check(await lab.raw(data), lab)
        huge = b"GET /r/x HTTP/1.1\r\nX: " + b"a" * (4 * REQUEST_MAX)
        assert len(await lab.raw(huge)) < 200
        post = b"POST " + link(2, door="u").encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        long = post + b"Content-Length: 99999\r\n\r\n" + b"a" * 99_999
        check(await lab.raw(long), lab)
        pipelined = get(link(2)).replace(b"close", b"keep-alive") * 2 + get(link(2))
        pipelined = await lab.raw(pipelined, ends=False)
        assert pipelined.count(b"HTTP/1.1 302") == 3
        assert b"date:" not in pipelined.lower()

    lab.play(main)


def test_the_mirror_page_runs_nothing(lab):
    async def main():
        asked = await lab.raw(get(link(MIRROR)))
        assert f"location: {link(MIRROR, door='m')}\r\n".encode() in asked
        page = await lab.raw(get(link(MIRROR, door="m")))
        head, _, body = page.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert "Hello é".encode() in body
        (policy,) = re.findall(rb"(?im)^content-security-policy: ([^\r]*)", head)
        assert b"default-src 'none'" in policy
        assert b"sandbox" in policy
        assert b"script" not in policy
        assert (await lab.raw(get(link(MIRROR, 2, door="m")))).startswith(b"HTTP/1.1 404")

    lab.play(main)


def test_an_address_that_is_taken_is_told(lab):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", lab.port))
        taken.listen()

        async def nothing():
            pytest.fail("it listens where another does")

        with pytest.raises(ListenAddressUnusable):
            lab.play(nothing)
