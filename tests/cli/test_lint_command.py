"""lint: what is printed, in which form, with which exit code."""

from pathlib import Path

import pytest

from affinity.lint.code import Code

SHADOWED = '\n[route.late]\ndomains = ["gmail.test"]\nsink = "gmail"\n'


@pytest.fixture
def warned(lab):
    """A folder whose configuration has one warning, on the line that is returned."""
    file = Path("mtalab.toml")
    text = file.read_text() + SHADOWED
    file.write_text(text)
    return text.count("\n") - 1


def test_what_init_writes_is_clean(lab):
    done = lab("lint", "--strict")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{Path('mtalab.toml').absolute()}: nothing found\n"
    assert lab("lint", "--json").json == {
        "ok": True,
        "file": str(Path("mtalab.toml").absolute()),
        "strict": False,
        "ignored": [],
        "findings": [],
    }


def test_a_warning_is_told_with_its_line_and_fails_only_when_strict(lab, warned):
    done = lab("lint")
    assert done.code == 0
    assert done.out == (
        f"mtalab.toml:{warned}: warning route_domain_shadowed: route.late.domains[0]: gmail.test "
        "goes by route gmail, which comes first and names gmail.test\n"
        "    Put the narrower route first, or take the domain out of one of them.\n"
        f"{Path('mtalab.toml').absolute()}: 0 errors, 1 warning\n"
    )
    assert lab("lint", "--strict").code == 1
    (finding,) = lab("lint", "--json").json["findings"]
    assert finding.pop("what").startswith("gmail.test goes by")
    assert finding.pop("remedy")
    assert finding == {
        "severity": "warning",
        "code": "route_domain_shadowed",
        "file": "mtalab.toml",
        "line": warned,
        "key": "route.late.domains[0]",
    }


def test_what_is_meant_can_be_left_out(lab, warned):
    done = lab("lint", "--strict", "--ignore", "route_domain_shadowed", "--json")
    assert (done.code, done.json["ignored"]) == (0, ["route_domain_shadowed"])
    wrong = lab("lint", "--ignore", "route_domain_shadow")
    assert wrong.code == 2
    assert "did you mean 'route_domain_shadowed'?" in wrong.err


def test_an_error_ends_with_1_and_a_file_that_is_not_valid_with_2(lab):
    text = Path("mtalab.toml").read_text()
    Path("other.toml").write_text(text.replace('["promo"]', '["promos"]'))
    line = text.splitlines().index('affinities = ["promo"]') + 1
    done = lab("lint", "other.toml")
    assert done.code == 1
    place = f"other.toml:{line}: error unknown_affinity: mta.promo1.affinities[0]: "
    assert f"{place}affinity 'promos'" in done.out
    Path("other.toml").write_text("validity = 'soon'")
    assert lab("lint", "other.toml").code == 2
    assert lab("lint", "nowhere.toml").code == 2


def test_what_depends_on_the_machine_is_none_of_its_business(lab):
    text = Path("mtalab.toml").read_text()
    Path("mtalab.toml").write_text(text.replace('"127.0.1.1"', '"192.0.2.1"'))
    assert lab("lint", "--strict").code == 0
    done = lab("config", "check")
    assert done.code == 1
    assert "error source_ip_unavailable: affinity.promo.ip[0]: 192.0.2.1 cannot be" in done.out


def test_each_code_is_described():
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text()
    assert [each for each in Code if f"| `{each}` | {each.severity} |" not in page] == []
