"""The documented example of people and recipients, from the mail to the report.

Four recipients: John does nothing; Marie opens; Florian opens, clicks nine times and forwards the
mail to one who opens it and clicks twice; Henry opens, and clicks four times without cookies. The
modelled system documents what its report says of that: 2 clicks, 6 distinct clicks, 3 distinct
opens, 4 forwards, a raw reactivity of 66.67 %.
"""

import email
import email.policy
import re

import tomli_w

from lab.simulation.simulation import simulated
from lab.submit.submission import Order, submit
from monitor.reports.catalogue import REPORTS
from monitor.reports.request import Request
from sinks.inbox import content, list_inbox
from store import report_scope
from store.report_scope import Scope
from tests.fakes.tracked import ask
from tests.simulation.test_same_run import STEADY
from world.chance import SeededChance

LAB = {
    **STEADY.lab,
    "sink": {"s1": {"listen": "127.0.2.1:2525", "inbox": True}},
    "route": {"one": {"domains": ["one.test"], "sink": "s1"}},
    "personality": {},
    "tracking": {"listen": "127.0.0.1:8026"},
}
MAIL = (
    "From: Shop <shop@shop.test>\nSubject: Sale\nMIME-Version: 1.0\n"
    "Content-Type: text/html; charset=utf-8\n\n"
    '<body><a href="https://shop.test/">Shop</a> <a href="https://shop.test/sale">Sale</a></body>\n'
)
LINK = re.compile(r'href="http://127\.0\.0\.1:8026(/r/[^"]+)"')
IMAGE = re.compile(r'<img src="http://127\.0\.0\.1:8026(/r/[^"]+)"')


class Reader:
    """Somebody with a mail in front of him, by the hours of the lab."""

    def __init__(self, sim, html):
        self._sim, self._cookie = sim, ""
        self._links, [self._image] = LINK.findall(html), IMAGE.findall(html)

    async def opens(self):
        await ask(self._image, cookie=self._cookie)

    async def clicks(self, times, *, keeps_cookies=True):
        for number in range(times):
            await self._sim.until(self._sim.now() - self._sim.epoch + 90)
            found = await ask(self._links[number % 2], cookie=self._cookie)
            assert found.status == 302
            if keeps_cookies and found.cookies:
                self._cookie = found.cookies


def submitted(sim, folder):
    (folder / "mail.eml").write_text(MAIL)
    names = ("john", "marie", "florian", "henry")
    people = "".join(f"{each}@one.test\n" for each in names)
    (folder / "people.csv").write_text(f"address\n{people}")
    clock = sim.machines.clock
    order = Order(
        message=folder / "mail.eml",
        recipients=folder / "people.csv",
        affinity="a",
        label="sale",
        contact_at=clock.now(),
        validity_s=86_400,
    )
    submit(sim.store, sim.machines.loaded, clock, order, lambda *_: None, SeededChance("x"))
    sim.wrote()


def received(sim):
    """The HTML that each was sent, by name."""
    folder, found = sim.machines.loaded.directory, {}
    for entry in list_inbox(folder):
        mail = email.message_from_bytes(content(folder, entry.receipt), policy=email.policy.SMTP)
        found[entry.receipt.rcpt_to[0].partition("@")[0]] = mail.get_content()
    return found


def test_the_report_says_what_the_example_says(tmp_path):
    with simulated(tomli_w.dumps(LAB), seed=1, folder=tmp_path) as sim:

        async def experiment():
            sim.start()
            await sim.until(2)
            submitted(sim, tmp_path)
            await sim.until(60)
            mails = received(sim)
            assert set(mails) == {"john", "marie", "florian", "henry"}
            await Reader(sim, mails["marie"]).opens()
            florian, friend = (Reader(sim, mails["florian"]) for _ in range(2))
            await florian.opens()
            await florian.clicks(9)
            await friend.opens()
            await friend.clicks(2)
            henry = Reader(sim, mails["henry"])
            await henry.opens()
            await henry.clicks(4, keeps_cookies=False)
            await sim.until(sim.now() - sim.epoch + 60)

        sim.run(experiment())
        assert sim.machines.crashes == []
        (delivery,) = sim.store.read_now(report_scope.reported, Scope(1))
        loaded = sim.machines.loaded
        request = Request(sim.now(), loaded.configuration, delivery, humans=True)
        (sheet,) = sim.store.read_now(REPORTS["indicators"].build, request).sheets
    names = [each.name for each in sheet.columns]
    rows = [dict(zip(names, row, strict=True)) for row in sheet.rows]
    found = {each["indicator"]: each["value"] for each in rows}
    assert (found["clicks"], found["distinct_clicks"], found["distinct_opens"]) == (2, 6, 3)
    assert found["forwards"] == 4
    assert f"{found['raw_reactivity']:.2%}" == "66.67%"
    assert found["cumulated_clicks"] == 9 + 2 + 4
