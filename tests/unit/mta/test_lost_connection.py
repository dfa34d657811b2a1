"""A connection that is lost between two steps of its opening is a failure like any other."""

import asyncio

import aiosmtplib
import pytest

from mail.outcome import Broken, Stage
from mta.session import handshake
from mta.session.handshake import Endpoints, connect
from mta.session.settings import SessionSettings
from world.network import HostNetwork

ENDS = Endpoints("127.0.0.1", "127.0.0.1", 25)


class Gone(asyncio.Transport):
    """Nothing is there any more."""

    def set_protocol(self, protocol):
        pass

    def is_closing(self):
        return True


class LostAtOnce(handshake._Client):
    """Its server says a word and is gone before anybody could read on."""

    async def connect(self):
        self.close()
        return aiosmtplib.SMTPResponse(220, "mx.test")


class LostAfterEhlo(LostAtOnce):
    """As above, after the reply to EHLO."""

    async def connect(self):
        self.protocol = aiosmtplib.protocol.SMTPProtocol(asyncio.get_running_loop())
        self.transport = Gone()
        return aiosmtplib.SMTPResponse(220, "mx.test")

    async def ehlo(self):
        self.close()
        self.esmtp_extensions = {"starttls": ""}
        return aiosmtplib.SMTPResponse(250, "mx.test\nSTARTTLS")


@pytest.mark.parametrize(
    ("client", "stage"), [(LostAtOnce, Stage.EHLO), (LostAfterEhlo, Stage.STARTTLS)]
)
def test_it_is_broken_at_its_next_step(monkeypatch, client, stage):
    monkeypatch.setattr(handshake, "_Client", client)
    settings = SessionSettings(tls="encrypted")
    found = asyncio.run(connect(ENDS, settings, HostNetwork.allowing(())))
    assert isinstance(found, Broken)
    assert found.stage is stage
