"""Tracked mail from its submission to the receiver: links open, keys and modes are obeyed."""

import email
import email.policy
import re
from urllib.parse import unquote

import tomli_w

from lab.mirror_page import html_of
from lab.simulation.simulation import simulated
from lab.submit.submission import Order, submit
from mail.states import DeliveryEvent
from mail.tracked import UrlMode
from sinks.inbox import content, list_inbox
from store import keys, operator, tracked_urls
from store.tracked_urls import Change
from tests.simulation.test_same_run import STEADY
from tracking import token
from world.chance import SeededChance

LAB = {
    **STEADY.lab,
    "sink": {"s1": {"listen": "127.0.2.1:2525", "inbox": True}},
    "route": {"one": {"domains": ["one.test"], "sink": "s1"}},
    "personality": {},
    "tracking": {"listen": "127.0.0.1:8026", "url": "https://t.example.test/x", "validity": "30d"},
}
MAIL = (
    "From: Shop <shop@shop.test>\nSubject: News\nMIME-Version: 1.0\n"
    "Content-Type: multipart/alternative; boundary=b\n\n"
    "--b\nContent-Type: text/plain; charset=utf-8\n\n"
    "Hello {{ name }}: https://shop.test/?n={{ name | urlencode }} or https://shop.test/legal\n"
    "--b\nContent-Type: text/html; charset=utf-8\n\n"
    '<body><a href="https://shop.test/?n={{ name | urlencode }}">Shop</a>'
    '<a href="{{ mirror_url }}">See</a></body>\n--b--\n'
)
LINK = re.compile(r"https://t\.example\.test/x/([rum])/([\w.-]+[\w-])(?:\?1=([^\s\"<>]*))?")


def run(folder):
    (folder / "mail.eml").write_text(MAIL)
    (folder / "people.csv").write_text("address,name\na@one.test,Anna\nb@one.test,Bö & Co\n")
    with simulated(tomli_w.dumps(LAB), seed=1, folder=folder) as sim:

        async def experiment():
            sim.start()
            await sim.until(2)
            order = Order(
                message=folder / "mail.eml",
                recipients=folder / "people.csv",
                affinity="a",
                label="x",
                contact_at=sim.machines.clock.now(),
                validity_s=86_400,
                hold=True,
            )
            loaded, clock = sim.machines.loaded, sim.machines.clock
            done = submit(sim.store, loaded, clock, order, lambda *_: None, SeededChance("x"))
            number = next(each.number for each in done.urls if each.url.endswith("/legal"))
            said, now = Change(UrlMode.NEVER), clock.now()
            sim.store.write_now(tracked_urls.change, done.delivery_id, number, said, now)
            event = DeliveryEvent.CONFIRMED
            sim.store.write_now(operator.steer, done.delivery_id, event, clock.now())
            sim.wrote()
            await sim.until(60)
            assert sim.machines.crashes == []

        sim.run(experiment())
        shown = [sim.store.read_now(html_of, 1, message) for message in (1, 2, 3)]
        directory = sim.machines.loaded.directory
        mails = [content(directory, each.receipt) for each in list_inbox(directory)]
        tracked = sim.store.read_now(tracked_urls.of, 1)
        return mails, tracked, sim.store.read_now(keys.keys), shown


def test_links_of_sent_mail_lead_where_they_should(tmp_path):
    mails, tracked, ring, shown = run(tmp_path)
    assert len(mails) == 2
    assert tracked.base == "https://t.example.test/x"
    assert tracked.valid_until is not None
    by_number = {each.number: each for each in tracked.urls}
    seen, pages = set(), set()
    for raw in mails:
        mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
        text, html = (part.get_content() for part in mail.iter_parts())
        assert "https://shop.test/legal" in text
        assert re.search(r'<img src="[^"]*" width="1" height="1" alt=""></body>', html)
        pages.add(re.sub("<img [^>]*>", "", html).replace("\r\n", "\n"))
        for place in (text, html, mail["List-Unsubscribe"]):
            for page, sealed, value in LINK.findall(place):
                values = [unquote(value)] if value else []
                found = token.opened(ring, sealed, values)
                assert found is not None, sealed
                url = by_number[found.url]
                seen.add((page, found.content, url.kind.label, _filled(url.url, values)))
    assert {each.rstrip() for each in shown if each} == {each.rstrip() for each in pages}
    assert shown[2] is None
    shop = {f"https://shop.test/?n={name}" for name in ("Anna", "B%C3%B6%20%26%20Co")}
    assert seen == {
        *(("r", letter, "click", url) for letter in "ht" for url in shop),
        ("r", "h", "open", ""),
        ("m", "h", "mirror", "{{ mirror_url }}"),
        ("u", "x", "opt_out", "{{ unsubscribe_url }}"),
    }


def _filled(url, values):
    return re.sub(r"\{\{.*?\}\}", lambda _: values[0], url) if values else url


def test_the_same_seed_seals_the_same(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert run(one)[0] == run(other)[0]
