"""A lab whose sinks run and whose page answers, for the inbox and those who ask for it."""

import contextlib
import smtplib
from collections.abc import Iterator
from pathlib import Path

from lab.configuration import load
from sinks.service import SinkService
from tests.fakes.in_thread import in_thread
from tests.fakes.running_lab import free_ports
from tests.fakes.web_server import Served, serving
from world.chance import SeededChance
from world.clock import SystemClock

CONFIGURATION = """
[lab]
name = "inboxes"
domain = "shop.example"
[submission]
listen = "off"
[inmail]
listen = "off"
[tracking]
listen = "off"
[mta.m1]
affinities = ["promo"]
[affinity.promo]
ip = [{{ address = "127.0.1.1" }}]
[route.rest]
domains = ["*"]
sink = "inbox"
[sink.other]
listen = "127.0.0.1:{1}"
[sink.inbox]
listen = "127.0.0.1:{0}"
[personality.mild]
refuse = [{{ stage = "rcpt", recipients = ["nobody@*"], reply = "550 5.1.1 Nobody" }}]
"""


class InboxLab(Served):
    """``deliver`` hands a mail to a sink by SMTP and returns its id."""

    ports: dict[str, int]

    def deliver(self, content, *recipients, sender="a@shop.example", sink="inbox"):
        if isinstance(content, str):
            content = content.replace("\n", "\r\n").encode()
        with smtplib.SMTP("127.0.0.1", self.ports[sink], "client.test", timeout=30) as smtp:
            smtp.ehlo()
            self._heard(smtp.mail(sender))
            for each in recipients or ("you@home.test",):
                self._heard(smtp.rcpt(each))
            said = self._heard(smtp.data(content))
        return said.decode().rpartition(" ")[2]

    @staticmethod
    def _heard(reply):
        if reply[0] >= 400:
            raise smtplib.SMTPResponseException(*reply)
        return reply[1]

    def ask(self, path, method="GET", **more):
        answer = self.client.request(method, "/api/v1" + path, **more)
        assert answer.status_code == 200, answer.text
        kind = answer.headers["content-type"]
        return answer.json() if kind.startswith("application/json") else answer.text


@contextlib.contextmanager
def inbox_lab(folder: Path) -> Iterator[InboxLab]:
    """Two sinks, ``inbox`` and ``other``, and the page; nothing is sent by itself."""
    ports = free_ports(2)
    file = folder / "mtalab.toml"
    file.write_text(CONFIGURATION.format(*ports), encoding="utf-8")
    loaded = load(file, {}, {"web.listen": "127.0.0.1:8025"})
    configuration = loaded.configuration

    @contextlib.asynccontextmanager
    async def sinks():
        service = SinkService(
            configuration.sink,
            configuration.personality,
            loaded.directory,
            SystemClock(),
            SeededChance(1),
        )
        await service.start()
        try:
            yield service.addresses
        finally:
            await service.stop()

    with in_thread(sinks), serving(loaded) as served:
        served.__class__ = InboxLab
        served.ports = dict(zip(("inbox", "other"), ports, strict=True))
        yield served
