"""What `mtalab export` writes, read by programs and libraries that nobody here wrote."""

import contextlib
import csv
import io
import itertools
import re
import subprocess
from collections import Counter

import orjson
import pytest

from lab.configuration import load
from lab.stores import store_of
from store import log, tables
from tests.fakes.programs import program

SCENARIO = """
lasts = "1h"
[topology]
validity = "2h"
retry = { delays = ["10m"] }
[topology.mta.m1]
affinities = ["promo"]
[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]
[topology.route.grey]
domains = ["grey.test"]
sink = "grey"
[topology.route.gone]
domains = ["gone.test"]
hosts = [{ sink = "gone" }, { host = "127.0.0.1:9", preference = 20 }]
[topology.sink.grey]
listen = "127.0.0.1:2601"
personality = "grey"
[topology.sink.gone]
listen = "127.0.0.1:2602"
personality = "gone"
[topology.personality.grey]
greylist = { delay = "5m" }
[topology.personality.gone]
unknown_users = { share = 0.5 }

[[delivery]]
affinity = "promo"
messages = 60
domains = { "grey.test" = 1, "gone.test" = 2 }
"""


@pytest.fixture
def export(mtalab, tmp_path):
    """`mtalab export` of a lab in which 60 messages met greylisting and unknown users."""
    (tmp_path / "case.toml").write_text(SCENARIO)
    assert mtalab("run", "case.toml", "--keep", "kept").code == 0

    def call(*words):
        return mtalab("export", "--config", "kept/case/mtalab.toml", *words)

    return call


@pytest.fixture
def truth(export):
    """How many events of each type there were, by KumoMTA's names."""
    found = Counter(orjson.loads(line)["type"] for line in export().out.splitlines())
    assert found["Delivery"] + found["Bounce"] == 60
    assert found["TransientFailure"]
    assert found["Bounce"]
    return found


def test_pflogsumm_finds_what_happened(export, truth, tmp_path):
    command = program("pflogsumm")
    (tmp_path / "mail.log").write_text(export("--format", "postfix").out)
    said = subprocess.run(
        [command, "mail.log"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    totals = dict(reversed(each) for each in re.findall(r"^ +(\d+) +(\w+)", said, re.MULTILINE))
    assert int(totals["received"]) == 60
    assert int(totals["delivered"]) == truth["Delivery"]
    assert int(totals["bounced"]) == truth["Bounce"]
    deferrals = re.search(r"deferred +\((\d+) +deferrals\)", said)
    assert int(deferrals[1]) == truth["TransientFailure"]


def test_each_queue_id_that_enters_the_queue_leaves_it(export):
    lines = export("--format", "postfix", "--syslog-time", "utc").out.splitlines()
    ids = {
        what: sorted(re.findall(rf"postfix/{what}\[\d+\]: (\w+): {says}", "\n".join(lines)))
        for what, says in (("cleanup", "message-id="), ("qmgr", "removed"))
    }
    assert len(ids["cleanup"]) == 60
    assert ids["cleanup"] == ids["qmgr"]


def test_the_relay_is_known_where_the_route_has_one_host(export):
    found = set(re.findall(r" relay=([^,]+),", export("--format", "postfix").out))
    assert found == {"mx.grey.test[127.0.0.1]:2601", "gone[unknown]"}


def test_accounting_records_are_counted_by_type(export, truth):
    text = export("--format", "powermta").out
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    assert Counter(each["type"] for each in rows) == {
        "r": 60,
        "d": truth["Delivery"],
        "b": truth["Bounce"],
        "t": truth["TransientFailure"],
    }
    assert {each["bounceCat"] for each in rows if each["type"] == "b"} == {"bad-mailbox"}


def test_a_part_of_the_log_can_be_had(export):
    all_of_it = [orjson.loads(line) for line in export().out.splitlines()]
    text = export("--format", "powermta", "--after", all_of_it[-3]["seq"]).out
    assert sum(not line.startswith("r,") for line in text.splitlines()) == 3  # and the header
    assert export("--format", "postfix", "--delivery", 7).code == 2
    assert export("--format", "sendmail").code == 2
    assert export("--format", "postfix", "--syslog-host", "two words").code == 2


def test_follow_goes_on_with_what_happens(export, tmp_path, monkeypatch):
    looks = itertools.count()
    loaded = load(tmp_path / "kept" / "case" / "mtalab.toml", {})
    with contextlib.closing(store_of(loaded)) as store:
        last = store.read_now(log.last_transition_id)

        def happen(_seconds):
            if next(looks) == 3:
                raise KeyboardInterrupt
            store.write_now(
                lambda tx: tx.connection.execute(
                    tables.transition.insert().values(
                        message_id=1,
                        delivery_id=1,
                        at=1.8e9,
                        event="bounced_later",
                        from_status="sent",
                        to_status="failed",
                        attempt=1,
                    )
                )
            )

        monkeypatch.setattr("lab.cli.export.time.sleep", happen)
        lines = export("--follow", "--after", last).out.splitlines()
    assert [orjson.loads(line)["seq"] for line in lines] == [last + 1, last + 2, last + 3]
