"""Scenario files: what is refused, with its line, and what is understood."""

from datetime import UTC, datetime

import pytest

from affinity.errors import BadConfiguration
from lab.scenario.count import Bounds
from lab.scenario.read import UnreadableScenario, read_case
from lab.scenario.when import seconds_after

LAB = """\
[topology.mta.m1]
affinities = ["promo"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]
"""


def case_of(tmp_path, text):
    file = tmp_path / "case.toml"
    file.write_text(text)
    return read_case(file)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[topology.mta.m1\n", "case.toml:1", "not valid TOML"),
        ("story = 'x'\n", "case.toml", "expected either topology or lab"),
        (LAB + '[[delivery]]\naffinity = "promo"\nmesages = 3\n', "case.toml:8", "messages"),
        (LAB + '[[event]]\nat = "soon"\ndo = "up"\n', "case.toml:7", "expected a time such as"),
        (LAB + '[[event]]\nat = "1s"\ndo = "explode"\n', "case.toml:", "kill"),
        (LAB + '[[event]]\nat = "1s"\ndo = "kill"\nwhat = "mtas"\n', "case.toml:9", ""),
        (LAB + "[[expect]]\ncounts = { sent = -1 }\n", "case.toml:7", "expected a number, or"),
        (LAB + "[[expect]]\ncauses = { gremlins = 1 }\n", "case.toml:7", ""),
        (LAB + '[[expect]]\nat = "1s"\n', "case.toml:6", "expected something to be expected"),
        (LAB + '[[expect]]\ndelivery = "x"\ncounts = {}\n', "case.toml", "a delivery of this file"),
        (
            'modes = ["real"]\n' + LAB + '[[event]]\nat = 1\ndo = "remove_ip"\naddress = "::1"\n',
            "case.toml",
            "expected no 'remove_ip' in a scenario that can be run for real",
        ),
        (
            LAB.replace('"127.0.1.1"', '"127.0.1.256"'),
            "case.toml:5",
            "topology.affinity.promo.ip[0].address",
        ),
        (LAB + '[topology.sink.a]\nlisten = "127.0.0.1:25"\npersonality = "x"\n', ":8", "'x'"),
    ],
)
def test_mistakes_are_told_with_their_lines(tmp_path, text, place, words):
    with pytest.raises(BadConfiguration) as found:
        case_of(tmp_path, text)
    assert place in str(found.value)
    assert words in str(found.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UnreadableScenario, match="cannot be read: No such file"):
        read_case(tmp_path / "nowhere.toml")


def test_mail_goes_to_an_inbox_where_no_route_says_otherwise(tmp_path):
    case = case_of(tmp_path, LAB)
    assert case.name == "case"
    assert case.topology["route"]["all"] == {"domains": ["*"], "sink": "inbox"}
    assert case.topology["submission"] == {"listen": "off"}


def test_a_lab_may_be_a_file_beside_it(tmp_path):
    (tmp_path / "mtalab.toml").write_text(LAB.replace("topology.", ""))
    case = case_of(tmp_path, 'lab = "mtalab.toml"\n')
    assert case.topology["mta"] == {"m1": {"affinities": ["promo"]}}


def test_times_are_durations_or_dates(tmp_path):
    dated = '[[event]]\nat = "2026-01-05T01:00"\ndo = "up"\n[[event]]\nat = "90s"\ndo = "down"\n'
    first, second = case_of(tmp_path, LAB + dated).scenario.event
    beginning = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
    assert seconds_after(beginning, first.at) == 3600
    assert seconds_after(beginning, second.at) == 90


@pytest.mark.parametrize(
    ("text", "low", "high"), [("7", 7, 7), ('"2-5"', 2, 5), ('">=3"', 3, None), ('"<=4"', 0, 4)]
)
def test_counts_are_numbers_or_ranges(tmp_path, text, low, high):
    (expected,) = case_of(
        tmp_path, f"{LAB}[[expect]]\ncounts = {{ sent = {text} }}\n"
    ).scenario.expect
    assert expected.counts["sent"] == Bounds(low, high)
