"""The example of a tracked campaign, with fewer people: sent, read, tracked, and accounted for."""

import json
from pathlib import Path

from lab.cli.main import run as mtalab
from lab.scenario.read import read_case
from lab.scenario.run import run
from world.clock import SystemClock

EXAMPLE = Path(__file__).parents[2] / "examples" / "tracked-campaign" / "scenario.toml"


def small(folder):
    text = EXAMPLE.read_text().replace("10_000", "150")
    for before, after in (
        (">=9500", ">=130"),
        ("<=500", "<=20"),
        (">=3000", ">=60"),
        (">=1000", ">=20"),
        (">=50", ">=0"),
    ):
        assert before in text
        text = text.replace(before, after)
    file = folder / "small.toml"
    file.write_text(text)
    return read_case(file)


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["mtalab", *words])
    code = 0
    try:
        mtalab()
    except SystemExit as left:
        code = left.code
    return code, capsys.readouterr().out


def test_it_is_as_expected_and_the_same_twice(tmp_path, monkeypatch, capsys):
    case = small(tmp_path)
    first = run(case, "simulated", SystemClock(), keep=tmp_path / "kept")
    assert (first.failures, first.error) == ((), None)
    assert run(case, "simulated", SystemClock()).digest == first.digest

    config = str(Path(first.kept) / "mtalab.toml")
    words = ("reconcile", "--tracking", "--config", config)
    code, said = call(monkeypatch, capsys, *words, "--json")
    found = json.loads(said)
    assert (code, found["ok"], found["missing"]["events"]) == (0, True, 0)
    assert found["figures"]["opened"]["measured"] > found["figures"]["opened"]["without_machines"]
    assert found["figures"]["mirror"]["real"] > 0
    assert found["machines"]["by_kind"]["click"]["recall"] == 1.0

    ledger = next(Path(first.kept).rglob("ledger.jsonl"))
    lines = ledger.read_bytes().splitlines(keepends=True)
    clicks = [each for each in lines if b'"act":"click"' in each and b'"status":302' in each]
    ledger.write_bytes(b"".join(each for each in lines if each != clicks[0]))
    code, said = call(monkeypatch, capsys, *words)
    assert code == 1
    assert "done by no reader" in said
