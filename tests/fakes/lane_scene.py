"""A worker's lanes by themselves, to one group ``y``, and what became of their messages."""

import asyncio
import contextlib

from affinity.configuration import Affinity, Pace, Retry, SourceIp
from affinity.lane import limits_for
from mta.held import HeldMessage, HeldPart
from mta.lane_queue import Hooks
from mta.lanes import Lanes
from mta.session.envelope import Envelope
from mta.settings import Destination, MtaSettings, MxHost
from mta.signature import Signer
from store.leases import LeasedPart, PartMessage
from tests.fakes.clock import FakeClock
from world.chance import SeededChance
from world.network import HostNetwork

SOURCE = "127.0.1.1"
LANE = f"{SOURCE}>y"


def settings_for(*ports, helo="mta.test", rules=(), network=None, connections=1):
    """A host listens on each port; a pair is a port and its preference."""
    pairs = [each if isinstance(each, tuple) else (each, 10) for each in ports]
    hosts = [MxHost("127.0.0.1", port, preference) for port, preference in pairs]
    address = SourceIp(address=SOURCE, helo=helo)
    return MtaSettings(
        instance="m1",
        affinities={"promo": Affinity(ip=(address,))},
        limits_for=lambda group: limits_for(rules, f"mx.{group}.test", group, ()),
        destination_for={"y": Destination(tuple(hosts))}.get,
        signer=Signer(),
        network=network or HostNetwork(),
        retry=Retry(),
        pace=Pace(),
        heartbeat_s=1,
        connections=connections,
        domain="sender.test",
    )


class Scene:
    """Lanes of a worker that notes what becomes of its messages."""

    together = staticmethod(contextlib.nullcontext)

    def __init__(self, settings, tasks):
        self.answers, self.returned = [], []
        hooks = Hooks(
            is_blocked=lambda: False,
            may_send=lambda _: True,
            render=lambda held: Envelope(
                held.message.message_id, "a@sender.test", held.message.address, b"x\r\n", token=held
            ),
            give_back=lambda held: self.returned.append(held.message.message_id),
            spent=lambda *_: None,
        )
        self.lanes = Lanes(FakeClock(), settings, hooks, self, SeededChance(1), tasks)
        self.lease = LeasedPart(1, 1, 1, "promo", "y", SOURCE, LANE, 9, 0, 0, None)

    def answered(self, held, answer, **_):
        self.answers.append((held.message.message_id, type(answer)))

    def waits_for(self, answer):
        return None

    def put(self, *numbers, domains=None):
        queue = self.lanes.queue(self.lease)
        part = HeldPart(self.lease, 0, 0, len(numbers))
        for number in numbers:
            domain = (domains or {}).get(number, "y.test")
            message = PartMessage(number, f"u{number}@{domain}", domain, "{}", 0)
            queue.put(HeldMessage(part, message))
        self.lanes.wake()


async def until(is_so):
    while not is_so():  # noqa: ASYNC110 - what it waits for tells nobody
        await asyncio.sleep(0.005)
