"""What one usual message costs a sink, in calls: as tests/unit/mta/test_hot_path.py has it."""

import asyncio

from sinks.express import ExpressConnection
from tests.fakes.talking_sink import talk
from tests.unit.mta.test_hot_path import MESSAGES, counted, per_message

BODY = b"Message-ID: <1.2@l.test>\r\nSubject: x\r\n\r\nbody\r\n"
MESSAGE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nBDAT %d LAST\r\n%b" % (len(BODY), BODY)


def test_a_message_by_express(tmp_path, monkeypatch):
    taken = []
    take = ExpressConnection.data_received

    def counting(self, data):
        with counted() as calls:
            take(self, data)
        taken.append(calls)

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)  # until it waits for commands
        monkeypatch.setattr(ExpressConnection, "data_received", counting)
        for _ in range(MESSAGES):
            await client.say(MESSAGE, 250, 250, 250)
        monkeypatch.undo()

    talk(tmp_path, dialogue, inbox=False)
    assert len(taken) == MESSAGES
    assert per_message(sum(taken[1:], taken[0])) < 75
