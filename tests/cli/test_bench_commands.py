"""``mtalab bench`` with real processes, as small as can be: what it says, not how fast it is."""

from pathlib import Path

import orjson
import psycopg
import pytest
from sqlalchemy import make_url

SMALL = (
    *("--messages", "200", "--warm-up", "20", "--runs", "1", "--connections", "2"),
    *("--workers", "1"),
)
PHASES = ("queue_wait", "connect", "transmit", "record")
WASTED = {"claims_in_vain", "pulls_in_vain", "given_back", "rounds_in_vain", "rows_read"}
WORKER = ("rendering", "sending", "replies", "store", "throttle", "idle")


def test_a_bench_tells_all_that_it_measured(mtalab):
    done = mtalab(
        *("bench", *SMALL, "--references", "bare_loop,plain_loop", "--deferred", "0.1", "--dkim"),
        *("--json", "--html", "report.html"),
    )
    assert done.code == 0, done.err
    found = done.json
    for each in ("messages", "bare_loop", "plain_loop", "submit"):
        assert found[f"{each}_per_second"] > 0
    assert found["ratio_to_bare_loop"] > 0
    assert found["smtp_source_per_second"] is None
    assert found["postfix_per_second"] is None
    assert found["absent"]["postfix"] == "left out"
    assert found["workload"]["deferred"] == 0.1
    assert found["bits_per_second"] >= 0  # of so few, all may have left before it looked
    assert {"worker", "scheduler", "sink"} <= set(found["peak_rss_mb"])

    assert tuple(found["latency_ms"]) == PHASES
    for each in found["latency_ms"].values():
        assert 0 <= each["p50"] <= each["p90"] <= each["p99"] <= each["max"]
    assert found["latency_ms"]["connect"]["count"] > 0
    assert tuple(found["time_share"]["worker"]) == WORKER
    for shares in found["time_share"].values():
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
    assert set(found["wasted"]) == WASTED
    assert found["reconciled"] is True

    page = Path("report.html").read_text(encoding="utf-8")
    assert "Every message of every run is accounted for" in page
    assert "<script" not in page


def test_what_is_deferred_is_tried_three_times_also_at_a_rate(mtalab):
    done = mtalab(
        *("bench", "--messages", "40", "--warm-up", "0", "--runs", "1", "--references", "none"),
        *("--deferred", "0.5", "--rate", "100", "--keep", "kept"),
    )
    assert done.code == 0, done.err
    assert "whole trip" in done.out
    assert "bare loop" not in done.out
    lab = "kept/run1/mtalab.toml"
    assert mtalab("reconcile", "--config", lab).code == 0
    log = mtalab("log", "--config", lab, "-n", "100", "--json").out.splitlines()
    assert sorted(orjson.loads(each)["attempts"] for each in log) == [1] * 20 + [3] * 20


def test_postfix_s_programs_run_beside_it_or_it_is_said_why_not(mtalab):
    kinds = ("smtp_source", "bare_into_smtp_sink", "whole_trip_into_smtp_sink", "postfix")
    done = mtalab("bench", *SMALL, "--references", ",".join(kinds), "--json")
    assert done.code == 0, done.err
    found = done.json
    for each in kinds:
        assert (found[f"{each}_per_second"] is None) == (each in found["absent"])
        assert found["absent"].get(each) != "left out"


@pytest.mark.postgresql
def test_the_dial_of_a_server_has_two_levels_and_leaves_the_named_database_alone(
    mtalab, postgresql_server
):
    with postgresql_server.database() as url:
        done = mtalab("bench", "durability", *SMALL, "--store", url)
        assert done.code == 0, done.err
        rows = [line.split() for line in done.out.splitlines() if line.startswith("  ")]
        assert {"off", "full"} <= {row[0] for row in rows if row}
        assert "normal" not in {row[0] for row in rows if row}
        assert "killed process" in done.err
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            assert connection.execute("SELECT count(*) FROM delivery").fetchone() == (0,)
            own = "SELECT count(*) FROM pg_database WHERE datname LIKE 'mtalab_bench_%'"
            assert connection.execute(own).fetchone() == (0,)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--store", "sqlite:///x.db"), "--keep"),
        (("--store", "mysql://x"), "postgresql+psycopg://"),
        (("--references", "sendmail"), "bare_loop"),
        (("--html", "absent/report.html"), "absent/report.html"),
        (("--keep", "."), "new folder"),
        (("--store", "postgresql+psycopg://me@127.0.0.1:1/x"), "CREATEDB"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_runs(mtalab, words, said):
    Path("something").touch()
    done = mtalab("bench", *SMALL, *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
