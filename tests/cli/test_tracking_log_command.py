"""tracking-log through its own entry point."""

import contextlib
from pathlib import Path

import orjson
import pytest

from lab.configuration import load
from lab.stores import store_of
from mail.tracked import Kind
from store import deliveries, parts, tracking_log
from store.engagement import NewLog
from store.tracking_log import Judged, Piece
from tests.fakes.tracked import track


@pytest.fixture
def tracked(lab):
    """A lab in which two people followed links."""
    with contextlib.closing(store_of(load(None, {}))) as store:
        new = deliveries.NewDelivery("x", "main", 0, 2, 0.0, 0.0, 9e9, "mail.eml", b"Subject: x")
        number = store.write_now(deliveries.create, new)
        people = [parts.NewMessage(f"{each}@a.test", "a.test", "{}") for each in ("ann", "bob")]
        store.write_now(parts.add, number, [parts.NewPart("a", ["127.0.1.1"], people)], 0.0)
        track(store, number)
        said = {"person": "p", "agent": "Firefox", "ip": "127.0.0.1"}
        logs = [
            NewLog("f.1", number, 1, 2, Kind.CLICK, 100.0, **said, machine=None),
            NewLog("f.2", number, 2, 1, Kind.OPEN, 101.0, **said, machine="early"),
            NewLog("f.3", number, 2, 0, Kind.TRANSACTION, 102.0, **said, machine=None,
                   page="paid", amount=2.5, articles=1),
        ]  # fmt: skip
        store.write_now(
            tracking_log.record,
            Piece("f", 0, 3, {1, 2}),
            lambda _: Judged(logs, []),
            dedup_opens_s=60.0,
            now=1.0,
        )
    return lab


def test_what_came_back_is_shown(tracked):
    out = tracked("tracking-log").out.splitlines()
    assert len(out) == 3
    assert "click" in out[0]
    assert "ann@a.test shop" in out[0]
    assert "[machine: early]" in out[1]
    assert "paid 2.50" in out[2]
    lines = [orjson.loads(each) for each in tracked("tracking-log", "--json").out.splitlines()]
    assert [each["event"] for each in lines] == ["f.1", "f.2", "f.3"]
    assert lines[0] == {
        "id": 1, "event": "f.1", "at": 100.0, "delivery_id": 1, "message_id": 1,
        "address": "ann@a.test", "kind": "click", "url": 2, "label": "shop", "person": "p",
        "agent": "Firefox", "ip": "127.0.0.1", "machine": None, "page": None, "amount": None,
        "articles": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "events"),
    [
        (["--delivery", "1", "--recipient", "bob@a.test"], ["f.2", "f.3"]),
        (["--kind", "open"], ["f.2"]),
        (["--humans"], ["f.1", "f.3"]),
        (["--limit", "1"], ["f.3"]),
        (["--recipient", "nobody@a.test"], []),
    ],
)
def test_the_log_is_narrowed(tracked, words, events):
    lines = tracked("tracking-log", "--json", *words).out.splitlines()
    assert [orjson.loads(each)["event"] for each in lines] == events


def test_what_is_not_there_is_refused(tracked):
    assert tracked("tracking-log", "--delivery", "9").code == 2
    assert tracked("tracking-log", "--kind", "laugh").code == 2


def test_a_server_for_other_machines_must_be_wanted(lab):
    file = Path("mtalab.toml")
    file.write_text(f'{file.read_text()}\n[tracking]\nlisten = "0.0.0.0:8026"\n')
    found = lab("config", "check", "--json")
    assert found.code in (1, 2)
    assert "public = true" in found.out + found.err
