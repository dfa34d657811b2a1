"""Clients that say anything, in any order and any pieces: nothing crashes, is lost or invented."""

import contextlib
import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.configuration import load
from lab.submit.service import SubmissionService
from sinks.receipts import read_receipts
from sinks.service import SinkService
from sinks.settings import SinkSettings
from store import log
from store.schema import open_store
from tests.fakes.in_thread import in_thread
from tests.fakes.running_lab import free_ports
from world.chance import SeededChance
from world.clock import SystemClock

WITHIN_S = 30.0
LAB = '[affinity.promo]\nip = [{ address = "127.0.1.1" }]\n[submission]\nlisten = "127.0.0.1:%d"\n'


class Port:
    """A server's address, and how many messages it has."""

    def __init__(self, address, count):
        self.address, self.count = address, count


@pytest.fixture(scope="module")
def sink(tmp_path_factory):
    folder, [port] = tmp_path_factory.mktemp("sink"), free_ports(1)
    own = {"mx1": SinkSettings(listen=f"127.0.0.1:{port}", size_limit=4096, inbox=False)}

    @contextlib.asynccontextmanager
    async def main():
        service = SinkService(own, {}, folder, SystemClock(), SeededChance(1))
        await service.start()
        try:
            yield service.addresses["mx1"]
        finally:
            await service.stop()

    with in_thread(main) as address:
        yield Port(address, lambda: len(list(read_receipts(folder))))


@pytest.fixture(scope="module")
def submission(tmp_path_factory):
    folder, [port] = tmp_path_factory.mktemp("port"), free_ports(1)
    (folder / "mtalab.toml").write_text(LAB % port + "size_limit = 4096\n")
    loaded = load(folder / "mtalab.toml", {})
    loaded.directory.mkdir()
    store = open_store(loaded.store_url)

    def main():
        return SubmissionService(loaded, store, SystemClock(), SeededChance(1)).running()

    def count():
        found = store.read_now(log.messages, log.Filter(), limit=100_000)
        return len(found)

    with in_thread(main) as address:
        yield Port(address, count)
    store.close()


LINES = st.sampled_from(
    [
        b"EHLO client.test", b"HELO client.test", b"EHLO", b"MAIL FROM:<a@b.test>", b"MAIL FROM:<>",
        b"MAIL FROM:<a@b.test> SIZE=9999999", b"MAIL FROM:<a@b.test> BODY=8BITMIME SMTPUTF8",
        b"RCPT TO:<c@d.test>", b"RCPT TO:<\xc3\xbc@d.test>", b"RCPT TO:c@d.test", b"DATA",
        b"Subject: x\r\n\r\nbody\r\n.", b".", b"..", b"RSET", b"NOOP", b"NOOP x", b"VRFY c",
        b"EXPN c", b"DATA x",
        b"HELP", b"STARTTLS", b"AUTH PLAIN AGEAYg==", b"BDAT 5 LAST", b"XCLIENT ADDR=1.2.3.4",
        b"mail from:<a@b.test>", b"x" * 3000, b"line\nbare", b"line\rbare", b"\x00", b"\xff\xfe",
    ]
)  # fmt: skip
SAID = st.lists(
    st.one_of(LINES.map(lambda line: line + b"\r\n"), st.binary(max_size=40)), max_size=25
)


def talk(port, said, step):
    """Say it all in pieces of ``step`` bytes, then what ends any state; returns what was heard."""
    data = b"".join(said) + b"\r\n.\r\nRSET\r\nQUIT\r\n"
    heard = b""
    with socket.create_connection(port.address, WITHIN_S) as client:
        client.settimeout(WITHIN_S)
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(data), step):
                client.sendall(data[at : at + step])
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                heard += piece
    return heard


def messages_of(line):
    """How many messages a reply promises: one receipt at a sink, one for each recipient here."""
    if b"Accepted as" in line:
        return 1
    found = re.search(rb"Queued as messages? (\d+)(?: to (\d+))?", line)
    return 0 if found is None else int(found[2] or found[1]) - int(found[1]) + 1


@pytest.mark.parametrize("name", ["sink", "submission"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=SAID, step=st.integers(1, 400))
def test_whatever_a_client_says_each_250_is_one_message(name, request, said, step):
    port = request.getfixturevalue(name)
    before = port.count()
    heard = talk(port, said, step)
    assert heard.startswith(b"220 ")
    assert all(line[:3].isdigit() for line in heard.splitlines() if line)
    assert port.count() - before == sum(map(messages_of, heard.splitlines()))
    assert talk(port, [], 99).count(b"221") == 1, "it serves the next one"
