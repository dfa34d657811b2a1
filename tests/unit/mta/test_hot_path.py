"""What one message costs a worker and a sink, in calls: a count, so that no clock is asked.

The bounds stand a little above what was counted when they were set. Whoever crosses one has put
work on the way of every message: take it off again, or raise the bound and say why.
"""

import contextlib
import re
import sys
from collections import Counter

from mail.outcome import Verdict
from mail.seal import keyring
from mail.states import MessageEvent
from mail.tracked import Kind, UrlMode
from mta.journal import encode
from mta.render import Personal, compile_source
from mta.session.chunked import WINDOW_MAX, ChunkedDialogue
from mta.session.dialogue import Dialogue
from mta.session.envelope import Envelope, Offers
from store.tracked_urls import TrackedDelivery, TrackedUrl
from store.transitions import Outcome
from tracking.rewriting import DeliveryLinks

MESSAGES = 200
COMMAND = re.compile(rb"^(?:RSET|MAIL|RCPT|BDAT)\b", re.MULTILINE)
SOURCE = (
    b"From: L <l@l.test>\r\nSubject: News for {{ name }}\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nDear {{ name }},\r\n" + b"x" * 70 + b"\r\n"
)


@contextlib.contextmanager
def counted():
    """Calls of Python functions, and of those written in C, while the block runs."""
    calls = Counter()
    sys.setprofile(lambda _, event, __: calls.update([event]))
    try:
        yield calls
    finally:
        sys.setprofile(None)


def per_message(calls):
    return (calls["call"] + calls["c_call"]) / MESSAGES


def test_rendering():
    template = compile_source(SOURCE, "mail.eml")

    def render(number):
        fields = {"name": f"Anna{number}"}
        address = f"anna{number}@a.test"
        mark, path = f"<1.{number}@l.test>", f"bounce+1-{number}@l.test"
        template.render(Personal(number, 1, address, fields, 1.0, mark, path, "<d-1.l.test>"))

    render(0)
    with counted() as calls:
        for number in range(MESSAGES):
            render(number)
    assert per_message(calls) < 55


def test_rendering_with_three_tracked_links():
    text = b"See https://l.test/1 and https://l.test/2\r\nor https://l.test/3\r\n"
    urls = tuple(
        TrackedUrl(number, f"https://l.test/{number}", "", "", UrlMode.ENABLED, Kind.CLICK)
        for number in (1, 2, 3)
    )
    tracked = TrackedDelivery("http://127.0.0.1:8026", False, True, None, None, urls)
    links = DeliveryLinks(1, tracked, keyring([b"k" * 32]))
    template = compile_source(SOURCE + text, "mail.eml", links)

    def render(number):
        fields = {"name": f"Anna{number}"}
        address = f"anna{number}@a.test"
        mark, path = f"<1.{number}@l.test>", f"bounce+1-{number}@l.test"
        template.render(Personal(number, 1, address, fields, 1.0, mark, path, "<d-1.l.test>"))

    render(0)
    with counted() as calls:
        for number in range(MESSAGES):
            render(number)
    assert per_message(calls) < 105


def test_the_dialogue():
    dialogue = Dialogue(Offers(pipelining=True, size=10_000_000, eightbitmime=True))
    content = b"Subject: x\r\n\r\nbody\r\n"
    replies = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"
    with counted() as calls:
        for number in range(MESSAGES):
            dialogue.offer(Envelope(number, f"b{number}@l.test", f"a{number}@a.test", content))
            dialogue.take_output()
            dialogue.receive(replies)
            dialogue.take_output()
            dialogue.receive(b"250 2.0.0 accepted as %d\r\n" % number)
    assert dialogue.is_idle
    assert per_message(calls) < 95


def test_the_dialogue_by_bdat():
    dialogue = ChunkedDialogue(Offers(pipelining=True, chunking=True, size=10_000_000))
    content = b"Subject: x\r\n\r\nbody\r\n"
    number, answered = 0, 0
    with counted() as calls:
        while answered < MESSAGES:
            while dialogue.wants_envelope and number < MESSAGES:
                dialogue.offer(Envelope(number, f"b{number}@l.test", f"a{number}@a.test", content))
                number += 1
            dialogue.ask_last()
            said = COMMAND.findall(dialogue.take_output())
            answered += len(dialogue.receive(b"250 2.0.0 ok, as it should be\r\n" * len(said)))
    assert dialogue.is_idle
    assert dialogue._window == WINDOW_MAX
    assert per_message(calls) < 90


def test_the_journal():
    verdict = Verdict(MessageEvent.ACCEPTED, None, None, "2.0.0 ok", 250, "2.0.0")
    outcome = Outcome(1, 1, 1, 1, "a@a.test", 1, 1.0, verdict, None, "127.0.0.1", "a", 1.5, 4096)
    with counted() as calls:
        for _ in range(MESSAGES):
            encode(outcome)
    assert per_message(calls) < 4
