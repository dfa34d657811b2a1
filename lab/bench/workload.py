"""What a benchmark sends, and the lab that sends it."""

import csv
import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from lab.configuration import Loaded, load
from lab.free_ports import free_ports
from lab.new_key import new_rsa_key, pem_of
from store.durability import Durability
from store.engine import shown_url

AFFINITY: Final = "bench"
SINK: Final = "open"
DEFERRED_TWICE: Final = "+defer2x"  # a wish that the sink grants (sinks/local_part.py)
_LINE: Final = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\r\n"
_LINK: Final = "Offer {0}: https://www.lumiere.test/offers/{0}\r\n"

_LAB: Final = """\
# Made by `mtalab bench`.
validity = "5d"

[lab]
name = "bench"
domain = "bounces.bench.test"
durability = "{durability}"
{store}
[submission]
listen = "off"
[inmail]
listen = "off"
[web]
listen = "off"
[tracking]
listen = "{tracking}"

[mta.bench]
affinities = ["bench"]
workers = {workers}
connections = {connections}

[affinity.bench]
ip = [{ips}]

[route.open]
domains = ["*.test"]
{leads_to}

[scheduler]
lease = "10s"

# So that a deferred message waits for its turn and not for the time: housekeeping cuts what is due
# every fifth of a second anyway.
[retry]
delays = ["100ms"]
jitter = 0
"""
_RULE: Final = """
[[mx_rule]]
mask = "*"
messages_per_hour = {per_hour}
burst = {burst}
shared = true
"""
_DKIM: Final = """
[[dkim]]
domain = "lumiere.test"
selector = "bench"
key_file = "bench.pem"
"""
_SINK: Final = """
[sink.open]
listen = "127.0.0.1:{port}"
inbox = false
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """One benchmark's figures.

    Args:
        messages: how many, each to one recipient.
        size: bytes of a rendered message, roughly: headers are on top of it.
        workers: worker processes.
        connections: at most so many of a worker to one destination.
        source_ips: of equal weight.
        domains: recipients' domains; the n-th has a share of 1/n of the first one's.
        store: URL of a PostgreSQL database; None: SQLite in the lab's folder.
        deferred: this share of them is deferred twice by the sink, then accepted.
        dkim: whether they are signed, with a new RSA key.
        durability: what a power cut may take back.
        rate: messages per second that leave at most; None: as many as can.
        warm_up: messages sent before, so that connections are open and every module is loaded.
        links: that the message holds.
        tracking: whether they are tracked.
    """

    messages: int = 40_000
    size: int = 4096
    workers: int = 2
    connections: int = 10
    source_ips: int = 2
    domains: int = 20
    store: str | None = None
    deferred: float = 0.0
    dkim: bool = False
    durability: Durability = Durability.NORMAL
    rate: float | None = None
    warm_up: int = 400
    links: int = 0
    tracking: bool = False

    def as_json(self) -> dict[str, Any]:
        """As docs/json.md has it; without the store's password."""
        store = None if self.store is None else shown_url(self.store)
        return asdict(self) | {"store": store}

    def interval_s(self, opened: int) -> float:
        """At a set rate, the time from one message to the next on each of the opened connections.

        0 where no rate is set, or nothing was opened.
        """
        return 0.0 if self.rate is None else min(opened, self.connections) / self.rate

    def fewer(self, share: float) -> "Workload":
        """The same with a share of the messages, at least one."""
        return replace(self, messages=max(1, round(self.messages * share)))

    def prepare(self, folder: Path, outside: str | None = None) -> Loaded:
        """Write configuration, message and recipients; ``outside`` is a server to use as receiver.

        Without one the lab has a sink of its own, without an inbox.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port, door = free_ports(["127.0.0.1"] * 2)
        text = _LAB.format(
            store="" if self.store is None else f'store = "{self.store}"\n',
            durability=self.durability,
            workers=self.workers,
            connections=self.connections,
            ips=", ".join(
                f'{{ address = "127.0.1.{number}" }}' for number in range(1, self.source_ips + 1)
            ),
            tracking=f"127.0.0.1:{door}" if self.tracking else "off",
            leads_to='sink = "open"' if outside is None else f'host = "{outside}"',
        )
        if outside is None:
            text += _SINK.format(port=port)
        if self.rate is not None:
            per_hour = max(1, round(self.rate * 3600))
            # Not the whole second's worth that a rule allows: a short run would be all burst.
            text += _RULE.format(per_hour=per_hour, burst=max(1, round(self.rate / 10)))
        if self.dkim:
            text += _DKIM
            (folder / "bench.pem").write_bytes(pem_of(new_rsa_key()))
        (folder / "mtalab.toml").write_text(text, encoding="utf-8")
        (folder / "mail.eml").write_bytes(self.source())
        self.write_people(folder / "people.csv", self.messages)
        return load(folder / "mtalab.toml", os.environ)

    def source(self) -> bytes:
        """The message source: two fields, and as much plain text as makes the size."""
        head = (
            "From: Lumiere <hello@lumiere.test>\r\nSubject: News for {{ name }}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\nDear {{ name }} of {{ town }},\r\n"
        )
        head += "".join(_LINK.format(number) for number in range(1, self.links + 1))
        lines = max(0, (self.size - len(head)) // len(_LINE))
        return (head + _LINE * lines).encode()

    def write_people(self, file: Path, count: int) -> None:
        """Recipients, always the same: domains by a long tail, those deferred spread evenly."""
        shares = [1 / number for number in range(1, self.domains + 1)]
        due = [0.0] * self.domains
        with file.open("w", encoding="utf-8", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(("address", "name", "town"))
            for number in range(count):
                for place, share in enumerate(shares):
                    due[place] += share
                place = due.index(max(due))
                due[place] -= sum(shares)
                is_deferred = math.floor((number + 1) * self.deferred) > math.floor(
                    number * self.deferred
                )
                local = f"user{number}{DEFERRED_TWICE if is_deferred else ''}"
                rows.writerow((f"{local}@d{place}.test", f"Name{number}", "Lyon"))
