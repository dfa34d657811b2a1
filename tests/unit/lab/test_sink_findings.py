"""Sinks, personalities and the submission port: what is certain from the file, and where it is."""

import pytest

from lab.configuration import load
from lab.findings import lint_of

TEXT = """[mta.m]
affinities = ["promo"]
[affinity.promo]
ip = [{ address = "127.0.1.1" }]
[route.a]
domains = ["a.test"]
sink = "a"
[sink.a]
listen = "127.0.0.1:2601"
"""


def found(folder, text, environ=None):
    (folder / "x.toml").write_text(text)
    return [
        (each.code, each.file, each.line, each.finding.key)
        for each in lint_of(load(folder / "x.toml", environ or {}))
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", []),
        ("[personality.own]\n", [("personality_unused", 10, "personality.own")]),
        ('personality = "own"\n[personality.own]\nextends = "base"\n[personality.base]\n', []),
        # One that replaces the built-in one that it extends.
        ('personality = "gmail"\n[personality.gmail]\nextends = "gmail"\n', []),
        (
            '[submission]\naffinity = "promos"\n',
            [("unknown_affinity", 11, "submission.affinity")],
        ),
        ('[submission]\nlisten = "off"\naffinity = "promos"\n', []),
        ('[[mx_rule]]\nmask = "*"\ntls = "required"\n', [("starttls_not_offered", 5, "route.a")]),
        ('certificate = "good"\n[[mx_rule]]\nmask = "*"\ntls = "encrypted"\n', []),
        ('[[mx_rule]]\nmask = "*"\ntls = "opportunistic"\n', []),
    ],
)
def test_what_is_certain_of_sinks(tmp_path, more, said):
    assert found(tmp_path, TEXT + more) == [(code, "x.toml", line, key) for code, line, key in said]


def test_a_route_to_one_sink_with_a_certificate_can_be_encrypted(tmp_path):
    hosts = 'hosts = [{ sink = "a" }, { sink = "b", preference = 20 }]'
    rule = '[[mx_rule]]\nmask = "*"\ntls = "required"\n'
    two = TEXT.replace('sink = "a"', hosts) + '[sink.b]\nlisten = "127.0.0.1:2602"\n'
    assert [code for code, *_ in found(tmp_path, two + rule)] == ["starttls_not_offered"]
    assert found(tmp_path, f'{two}certificate = "good"\n{rule}') == []


def test_what_a_variable_overrides_is_told_of_the_variable(tmp_path):
    environ = {"MTALAB_AFFINITY__PROMO__IP__0__WEIGHT": "0", "MTALAB_RETRY__DELAYS": "[864000]"}
    (tmp_path / "x.toml").write_text(TEXT)
    located = lint_of(load(tmp_path / "x.toml", environ))
    assert [(each.code, each.file, each.line) for each in located] == [
        ("retry_beyond_validity", "MTALAB_RETRY__DELAYS", None),
        ("affinity_weightless", "x.toml", 3),
    ]


def test_findings_come_in_the_order_of_the_file(tmp_path):
    text = '[[mx_rule]]\nmask = "zzz"\n' + TEXT.replace('["promo"]', '["promo", "x"]')
    assert [line for _, _, line, _ in found(tmp_path, text)] == [1, 4]
