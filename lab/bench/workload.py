"""What a benchmark sends, and the lab that sends it."""

import csv
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab.configuration import Loaded, load
from lab.free_ports import free_ports

AFFINITY: Final = "bench"
SINK: Final = "open"
_LINE: Final = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\r\n"

_LAB: Final = """\
# Made by `mtalab bench`.
validity = "1h"

[lab]
name = "bench"
domain = "bounces.bench.test"
{store}
[submission]
listen = "off"

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
        store: URL of an empty database; None: SQLite in the lab's folder.
    """

    messages: int = 40_000
    size: int = 4096
    workers: int = 1
    connections: int = 10
    source_ips: int = 2
    domains: int = 20
    store: str | None = None

    def fewer(self, share: float) -> "Workload":
        """The same with a share of the messages, at least one."""
        return replace(self, messages=max(1, round(self.messages * share)))

    def prepare(self, folder: Path, outside: str | None = None) -> Loaded:
        """Write configuration, message and recipients; ``outside`` is a server to use as receiver.

        Without one the lab has a sink of its own, without an inbox.
        """
        folder.mkdir(parents=True, exist_ok=True)
        [port] = free_ports(["127.0.0.1"])
        text = _LAB.format(
            store="" if self.store is None else f'store = "{self.store}"\n',
            workers=self.workers,
            connections=self.connections,
            ips=", ".join(
                f'{{ address = "127.0.1.{number}" }}' for number in range(1, self.source_ips + 1)
            ),
            leads_to='sink = "open"' if outside is None else f'host = "{outside}"',
        )
        if outside is None:
            text += _SINK.format(port=port)
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
        lines = max(0, (self.size - len(head)) // len(_LINE))
        return (head + _LINE * lines).encode()

    def write_people(self, file: Path, count: int) -> None:
        """Recipients, domains by a long tail, always the same."""
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
                rows.writerow((f"user{number}@d{place}.test", f"Name{number}", "Lyon"))
