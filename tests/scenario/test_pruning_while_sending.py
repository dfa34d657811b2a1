"""A simulated lab that prunes as it sends: what is over goes, what is not is sent once."""

import contextlib

import pytest

from lab.accounts import reconciled
from lab.configuration import load
from lab.scenario.read import read_case
from lab.scenario.run import run
from lab.stores import store_of
from store import audit, deliveries, log, retention
from world.clock import SystemClock

CASE = """\
lasts = "10m"

[topology.mta.m1]
affinities = ["promo"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]

[[topology.mx_rule]]
mask = "*"
messages_per_hour = 1200

[topology.retention]
daily = "00:03"
delivery_logs = "10s"
audit = "10s"
counters = "off"

[[delivery]]
name = "early"
affinity = "promo"
messages = 10

[[delivery]]
name = "late"
affinity = "promo"
messages = 100
contact = "1m"

[[expect]]
counts = { sent = 110, failed = 0, pending = 0 }
duplicates = 0
lost = 0
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pruned")
    file = folder / "case.toml"
    file.write_text(CASE)
    found = run(read_case(file), "simulated", SystemClock(), keep=folder / "kept")
    assert (found.error, [str(each) for each in found.failures]) == (None, [])
    return load(folder / "kept" / "case" / "mtalab.toml", {})


def test_what_is_over_went_and_the_rest_was_sent_once(kept):
    with contextlib.closing(store_of(kept)) as store:
        early, late = store.read_now(deliveries.find, newest_first=False)
        assert store.read_now(retention.pruned) == {early.id}
        assert {
            each.delivery_id for each in store.read_now(log.messages, log.Filter(), limit=5)
        } == {late.id}
        assert (early.counts["sent"], late.counts["sent"]) == (10, 100)
        texts = [each.text for each in store.read_now(audit.entries)]
        assert any(each.startswith("pruned: 10 delivery logs") for each in texts)


def test_receipts_of_pruned_messages_are_no_disagreement(kept):
    with contextlib.closing(store_of(kept)) as store:
        found = reconciled(store, kept)
    assert found.is_ok()
    assert (found.receipts, found.messages, found.foreign) == (110, 100, 10)
