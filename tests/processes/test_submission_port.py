"""The submission port over real sockets: smtplib and raw clients, both loops, a lab behind it."""

import asyncio
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
import uvloop

from lab.configuration import load
from lab.submit.errors import BadCertificate
from lab.submit.service import SubmissionService
from store import contents, deliveries, leases, log
from store.errors import StoreUnavailable
from store.schema import open_store
from tests.fakes.certificate import PEM
from tests.fakes.running_lab import free_ports
from world.chance import SeededChance
from world.clock import SystemClock

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
LAB = """
[affinity.promo]
ip = [{ address = "127.0.1.1" }]
[affinity.service]
ip = [{ address = "127.0.1.2" }]
[route.a]
domains = ["a.test"]
host = "127.0.0.1:9"
[submission]
listen = "127.0.0.1:{port}"
"""
MAIL = "Subject: Hi\r\n\r\nHello\r\n"


class Port:
    """A running submission port and the store behind it."""

    def __init__(self, address, store):
        self.address, self.store = address, store

    def client(self) -> smtplib.SMTP:
        return smtplib.SMTP(*self.address, timeout=20)

    def messages(self):
        return self.store.read_now(log.messages, log.Filter(), limit=100_000)


@contextmanager
def port_of(folder, more="", run=asyncio.run):
    [number] = free_ports(1)
    file = folder / "mtalab.toml"
    file.write_text(LAB.replace("{port}", str(number)) + more)
    loaded = load(file, {})
    loaded.directory.mkdir(exist_ok=True)
    listening, stop = threading.Event(), threading.Event()
    address: list = []

    async def main(store):
        service = SubmissionService(loaded, store, SystemClock(), SeededChance(1))
        async with service.running() as where:
            address.append(where)
            listening.set()
            await asyncio.to_thread(stop.wait)

    with closing(open_store(loaded.store_url)) as store:
        thread = threading.Thread(target=lambda: run(main(store)))
        thread.start()
        try:
            assert listening.wait(20)
            yield Port(address[0], store)
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()


def test_each_recipient_is_a_message_of_the_default_delivery(tmp_path):
    with port_of(tmp_path) as port, port.client() as client:
        assert client.sendmail("app@x.test", ["one@a.test", "two@A.test", "one@a.test"], MAIL) == {}
        found = port.messages()
        assert [each.address for each in found] == ["one@a.test", "two@a.test"]
        [delivery] = port.store.read_now(deliveries.find)
        assert (delivery.label, delivery.affinity) == ("submitted by SMTP", "promo")
        [held] = port.store.read_now(leases.messages_of, [1]).values()
        kept = port.store.read_now(contents.one, held[0].content_id)
        assert kept.content.endswith(b"\r\n\r\nHello\r\n")
        assert b"Received: from " in kept.content


def test_headers_choose_affinity_and_delivery_and_wrong_ones_are_refused(tmp_path):
    with port_of(tmp_path) as port, port.client() as client:
        ours = "X-Mtalab-Affinity: service\r\nX-Mtalab-Delivery: Orders\r\n"
        client.sendmail("app@x.test", ["one@a.test"], ours + MAIL)
        [delivery] = port.store.read_now(deliveries.find)
        assert (delivery.label, delivery.affinity) == ("Orders", "service")
        with pytest.raises(smtplib.SMTPDataError, match="configured are: promo, service") as caught:
            client.sendmail("app@x.test", ["one@a.test"], "X-Mtalab-Affinity: promos\r\n" + MAIL)
        assert caught.value.smtp_code == 554
        assert len(port.messages()) == 1


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        (["MAIL FROM:<>", "RCPT TO:<a@a.test>"], [250, 250]),
        (["MAIL FROM:<a@b.test> SIZE=999999999"], [552]),
        (["MAIL FROM:<a@b.test> NONSENSE=1"], [555]),
        (["MAIL FROM:<a@b.test>", "RCPT TO:<no address>"], [250, 501]),
        (["MAIL FROM:<a@b.test>", "RCPT TO:<a@-b.test>"], [250, 553]),
        (["MAIL FROM:<a@b.test>", "RCPT TO:<ü@a.test>"], [250, 553]),
        (["MAIL FROM:<a@b.test> SMTPUTF8", "RCPT TO:<ü@a.test>"], [250, 250]),
        (["MAIL FROM:<a@b.test>", "RCPT TO:<a@-b.test>", "DATA"], [250, 553, 554]),
        (["RCPT TO:<a@a.test>"], [503]),
        (["DATA"], [503]),
        (["MAIL FROM:<a@b.test>", "MAIL FROM:<a@b.test>"], [250, 503]),
        (["MAIL FROM:<a@b.test>", "RSET", "RCPT TO:<a@a.test>"], [250, 250, 503]),
        (["STARTTLS"], [454]),
        (["AUTH PLAIN AGEAYg=="], [502]),
    ],
)
def test_commands_are_answered_as_the_rfcs_have_it(tmp_path, said, codes):
    with port_of(tmp_path) as port, port.client() as client:
        client.ehlo()
        assert [_raw(client, each) for each in said] == codes


def _raw(client, line):
    client.sock.sendall(line.encode() + b"\r\n")
    return client.getreply()[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Subject: x\r\n\r\none\n.\ntwo\r\n", b"holds a CR or LF alone"),
        (b"Subject: x\r\n\r\none\r.\rtwo\r\n", b"holds a CR or LF alone"),
        (b"Subject: x\r\n\r\n" + b"y" * 1_000_000 + b"\r\n", b"longer than 998"),
        (b"Subject: x\r\n\r\n" + b"0123456789abcde\r\n" * 70_000, b"larger than"),
    ],
)
def test_what_cannot_be_sent_on_is_refused_whole_and_the_session_goes_on(tmp_path, content, said):
    with port_of(tmp_path, "size_limit = 1100000\n") as port, port.client() as client:
        client.ehlo()
        for each in ("MAIL FROM:<a@b.test>", "RCPT TO:<a@a.test>", "DATA"):
            client.docmd(each)
        client.sock.sendall(content + b".\r\n")
        code, told = client.getreply()
        assert code in {552, 554}
        assert said in told
        assert port.messages() == []
        client.sendmail("a@b.test", ["a@a.test"], MAIL)
        assert len(port.messages()) == 1


def test_ten_thousand_recipients_are_taken_and_one_more_is_not(tmp_path):
    with port_of(tmp_path) as port, port.client() as client:
        client.ehlo()
        client.docmd("MAIL FROM:<a@b.test>")
        lines = [f"RCPT TO:<u{number}@a.test>\r\n" for number in range(10_001)]
        client.sock.sendall("".join(lines).encode())
        codes = [client.getreply()[0] for _ in lines]
        assert codes == [250] * 10_000 + [452]
        assert client.data(MAIL)[0] == 250
        assert len(port.messages()) == 10_000


def test_many_clients_at_once_lose_and_double_nothing(tmp_path):
    def send(number):
        with port.client() as client:
            for place in range(25):
                client.sendmail("a@b.test", [f"u{number}-{place}@a.test"], MAIL)

    with port_of(tmp_path, run=uvloop.run) as port:
        with ThreadPoolExecutor(20) as threads:
            list(threads.map(send, range(20)))
        found = [each.address for each in port.messages()]
        assert len(found) == len(set(found)) == 500
        assert len(port.store.read_now(deliveries.find)) == 1


def test_a_store_that_is_away_is_a_temporary_failure(tmp_path, monkeypatch):
    with port_of(tmp_path) as port, port.client() as client:
        write = port.store.write

        async def away(*_):
            raise StoreUnavailable("the database is locked")

        monkeypatch.setattr(type(port.store), "write", away)
        with pytest.raises(smtplib.SMTPDataError, match="could not be stored, try again") as caught:
            client.sendmail("a@b.test", ["a@a.test"], MAIL)
        assert caught.value.smtp_code == 451
        monkeypatch.undo()
        assert port.store.write.__func__ is write.__func__
        client.sendmail("a@b.test", ["a@a.test"], MAIL)
        assert len(port.messages()) == 1


@LOOPS
def test_tls_and_login_where_they_are_configured(tmp_path, run):
    (tmp_path / "port.pem").write_text(PEM)
    more = 'certificate = "port.pem"\nrequire_tls = true\nusers = { app = "secret" }\n'
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with port_of(tmp_path, more, run) as port, port.client() as client:
        client.ehlo()
        assert client.has_extn("STARTTLS")
        assert client.docmd("MAIL FROM:<a@b.test>")[0] == 530
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("STARTTLS")
        assert client.docmd("MAIL FROM:<a@b.test>") == (530, b"5.7.0 Authentication required")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("app", "guess")
        client.login("app", "secret")
        client.sendmail("a@b.test", ["a@a.test"], MAIL)
        kept = port.store.read_now(contents.one, 1).content
        assert b" with ESMTPSA id " in kept


@LOOPS
def test_what_is_said_before_tls_is_forgotten(tmp_path, run):
    (tmp_path / "port.pem").write_text(PEM)
    with port_of(tmp_path, 'certificate = "port.pem"\n', run) as port:
        peer = socket.create_connection(port.address)
        peer.recv(999)
        peer.sendall(b"EHLO a\r\n")
        peer.recv(999)
        peer.sendall(b"STARTTLS\r\nMAIL FROM:<injected@b.test>\r\n")
        assert peer.recv(999).startswith(b"220")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            secured = context.wrap_socket(peer)
        except ssl.SSLError:
            return  # it took the plain words for a handshake, and ended the connection
        secured.sendall(b"EHLO a\r\nRCPT TO:<a@a.test>\r\n")
        said = b""
        while b"503" not in said:
            said += secured.recv(999)
        secured.close()


def test_a_certificate_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "mtalab.toml").write_text(LAB.replace("{port}", "2525") + 'certificate = "no.pem"')
    loaded = load(tmp_path / "mtalab.toml", {})
    with pytest.raises(BadCertificate, match=r"no\.pem cannot be used"):
        SubmissionService(loaded, None, SystemClock(), SeededChance(1))
