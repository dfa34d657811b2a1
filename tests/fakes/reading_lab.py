"""A simulated lab whose mail is read, with a server that tells what it was asked for."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lab.scenario.read import read_case
from lab.scenario.runner import Run
from lab.scenario.simulated import simulated_lab
from lab.tracking_accounts import tracking_account
from tests.fakes.tracking_server import TrackingServer
from tracking.readers.ledger import entries

PLACE = "127.0.0.1:8026"
MAIL = """From: a@shop.example
Subject: Offer
MIME-Version: 1.0
List-Unsubscribe: <http://127.0.0.1:8026/u/header>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello, see http://127.0.0.1:8026/r/text (or https://elsewhere.example/a).
--b
Content-Type: text/html; charset=utf-8

<p>Hello {{ address }}, <a href="http://127.0.0.1:8026/r/offer">our offer</a>,
<a href="http://127.0.0.1:8026/r/news">news</a>, <a href="http://127.0.0.1:8026/u/all">Unsubscribe</a>,
<a href="http://127.0.0.1:8026/m/all">in your browser</a>
<img src="http://127.0.0.1:8026/r/pixel" width=1>
--b--
"""
SCENARIO = """
lasts = "6d"
tick = "5m"
[topology.mta.m1]
affinities = ["promo"]
[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]
"""


TRACKED = """From: a@shop.example
Subject: Offer
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<p><a href="https://shop.example/">Shop</a>
<a href="https://shop.example/other?to={{ address }}">Other</a>
<a href="{{ mirror_url }}">In your browser</a>
<a href="{{ unsubscribe_url }}">Unsubscribe</a>
"""


@dataclass
class ReadingLab:
    server: TrackingServer
    entries: list = field(default_factory=list)
    complaints: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    account: object = None  # what reconcile --tracking says
    digest: str = ""

    def asked(self, start=""):
        """What was asked for, as method and path."""
        return [
            f"{each.method} {each.target}"
            for each in self.server.requests
            if each.target.startswith(start)
        ]

    def done(self, act):
        return [each for each in self.entries if each.act == act]


def read(readers, *, messages=20, mail=MAIL, text="", server=True, seed="1"):
    """All that came of a delivery that these readers read."""
    delivery = f'[[delivery]]\naffinity = "promo"\nmessages = {messages}\nmessage = """{mail}"""\n'
    with tempfile.TemporaryDirectory(prefix="mtalab-") as folder:
        file = Path(folder) / "case.toml"
        file.write_text(SCENARIO + readers + delivery + text)
        case = read_case(file)
        epoch = case.scenario.begins.timestamp()
        made = simulated_lab(case.topology, seed=seed, epoch=epoch, tick_s=60.0)
        with made as (simulation, lab):
            found = ReadingLab(TrackingServer())
            if server:
                bound = simulation.wire.bind("a server", PLACE)
                simulation.wire.listen(bound, found.server)
            run = Run(case, lab)
            simulation.run(run.play())
            found.entries = list(entries(lab.loaded.directory))
            found.complaints, found.failures = list(lab.complaints()), run.failures
            return found


def read_tracked(readers, *, messages=20, text="", seed="1"):
    """The same with the lab's own links and tracking server."""
    delivery = f'[[delivery]]\naffinity = "promo"\nmessages = {messages}\n'
    delivery += f'message = """{TRACKED}"""\n'
    server = '[topology.tracking]\nlisten = "127.0.0.1:8026"\nstore_every = "5m"\n'
    with tempfile.TemporaryDirectory(prefix="mtalab-") as folder:
        file = Path(folder) / "case.toml"
        file.write_text(SCENARIO + server + readers + delivery + text)
        case = read_case(file)
        epoch = case.scenario.begins.timestamp()
        made = simulated_lab(case.topology, seed=seed, epoch=epoch, tick_s=60.0)
        with made as (simulation, lab):
            run = Run(case, lab)
            simulation.run(run.play())
            found = ReadingLab(TrackingServer())
            found.entries = list(entries(lab.loaded.directory))
            found.complaints, found.failures = list(lab.complaints()), run.failures
            found.account = tracking_account(lab.store, lab.loaded)
            found.digest = lab.digest()
            return found
