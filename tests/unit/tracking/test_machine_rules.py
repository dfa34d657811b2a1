"""Each rule that calls an event a machine's, alone."""

import pytest

from mail.tracked import Kind
from tracking.event import Event
from tracking.machines import Seen, reason
from tracking.settings import TrackingSettings

SETTINGS = TrackingSettings()
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def judge(kind=Kind.CLICK, *, after=100.0, agent=BROWSER, method="GET", scanned=(), sent=0.0):
    event = Event(after, kind, 1, 1, 2, "", agent, "127.0.0.1", method)
    return reason(Seen("a.1", event), set(scanned), sent, SETTINGS)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, None),
        ({"method": "HEAD"}, "head"),
        ({"agent": "curl/8.5.0"}, "agent"),
        ({"agent": "Mozilla/5.0 (compatible; LINKSCANNER/1.0)"}, "agent"),
        ({"agent": "Mozilla/5.0", "kind": Kind.OPEN}, "agent"),
        ({"scanned": ["a.1"]}, "scanner"),
        ({"scanned": ["a.2"]}, None),
        ({"after": 1.9}, "early"),
        ({"after": -3.0}, "early"),  # before the receiver had accepted it
        ({"after": 2.0}, None),
        ({"after": 1.0, "sent": None}, None),
        ({"agent": GMAIL, "kind": Kind.OPEN, "after": 29.0}, "prefetch"),
        ({"agent": GMAIL, "kind": Kind.OPEN, "after": 31.0}, None),
        ({"agent": GMAIL, "after": 29.0}, None),  # a click
    ],
)
def test_a_rule(given, why):
    assert judge(**given) == why


def test_one_click_is_a_persons_whoever_sends_it():
    given = {"kind": Kind.OPT_OUT, "agent": "curl/8", "after": 0.0, "scanned": ["a.1"]}
    assert judge(**given, method="POST") is None
    assert judge(**given, method="GET") == "agent"
