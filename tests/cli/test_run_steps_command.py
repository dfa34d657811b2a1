"""``mtalab run --steps``."""

import orjson
import pytest

from tests.scenario.test_watching import CASE


@pytest.fixture
def case(tmp_path):
    file = tmp_path / "case.toml"
    file.write_text(CASE, encoding="utf-8")
    return file


def test_steps_are_written_and_the_run_is_judged_as_without(mtalab, case, tmp_path):
    done = mtalab("run", case, "--json", "--steps", tmp_path / "steps.json")
    assert done.code == 0
    plain = mtalab("run", case, "--json").json["scenarios"][0]
    assert done.json["scenarios"][0]["digest"] == plain["digest"]
    found = orjson.loads((tmp_path / "steps.json").read_bytes())
    assert found["steps"][-1]["counts"]["sent"] == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--steps", "none/steps.json"), "cannot write"),
        (("--steps", "steps.json", "--seeds", "1-2"), "one scenario with one seed"),
        (("--steps", "steps.json", "--real"), "one scenario with one seed"),
    ],
)
def test_what_has_no_steps_is_refused(mtalab, case, words, said):
    done = mtalab("run", case, *words)
    assert (done.code, said in done.err) == (2, True)
