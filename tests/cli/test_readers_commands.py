"""``mtalab readers``: what there is, and what is refused."""

import json

import pytest

from lab.cli.main import run

LAB = """
[mta.m1]
affinities = ["a"]
[affinity.a]
ip = [{ address = "127.0.1.1" }]
"""


@pytest.fixture
def mtalab(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*words, text=None):
        if text is not None:
            (tmp_path / "mtalab.toml").write_text(LAB + text)
        monkeypatch.setattr("sys.argv", ["mtalab", *words])
        try:
            run()
            code = 0
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_built_in_personas_are_listed_without_a_configuration(mtalab):
    code, said, _ = mtalab("readers", "list", "--json")
    found = json.loads(said)
    assert code == 0
    assert found["configured"] == []
    assert {"eager", "casual", "privacy_proxy", "guarded"} <= {e["name"] for e in found["built_in"]}


def test_configured_ones_have_what_they_are_like_folded_in(mtalab):
    text = "[reader.x]\nlike = 'guarded'\nopens = 0.9\ndelay = '10m'\n"
    _, said, _ = mtalab("readers", "list", "--json", text=text)
    [found] = json.loads(said)["configured"]
    assert (found["opens"], found["scanner"], found["delay"]["median"]) == (0.9, True, 600.0)


def test_a_table_for_people(mtalab):
    code, said, _ = mtalab("readers", "list", text="[reader.x]\nlike = 'careful'\n")
    assert code == 0
    assert "no images, no cookies" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[reader.x]\nlike = 'gaurded'\n", "Did you mean 'guarded'?"),
        ("[reader.x]\nopens = 1.5\n", "reader.x.opens"),
        ("[reader.x]\nclick_weights = { a = -1 }\n", "weight"),
        ('[reader.x]\nagent = "a\\r\\nX: y"\n', "one line"),
        ("[reader.x]\ndelay = 'soon'\n", "reader.x.delay"),
    ],
)
def test_a_reader_that_cannot_be_is_refused_with_its_line(mtalab, text, words):
    code, _, said = mtalab("readers", "list", text=text)
    assert code == 2
    assert words in said
    assert "mtalab.toml:" in said


def test_nobody_to_run_is_refused(mtalab):
    code, _, said = mtalab("readers", "run", text="")
    assert code == 2
    assert "no reader is configured" in said
