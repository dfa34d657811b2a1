"""Warm-up plans: what they allow on which day, to whom, and which are refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import Route, Warmup
from affinity.errors import BadConfiguration
from affinity.lint.lint import lint
from affinity.read_toml import read
from affinity.route import Routes
from affinity.warmup import Quotas, begin_of, day_of, quota_on
from lab.configuration import LabConfiguration

IP = "127.0.1.1"
PLAN = Warmup(ip=IP, plan=(50, 100, 200), begins=date(2026, 12, 1))
FIRST = day_of(1_796_083_200.0)  # 2026-12-01T00:00:00Z
ROUTES = Routes(
    {
        "gmail": Route(domains=("gmail.test",), host="127.0.0.1:1"),
        "other": Route(domains=("*",), host="127.0.0.1:1", mx="in.other.test"),
    }
)
TEXT = f"""
[affinity.promo]
ip = [{{ address = "{IP}" }}]
[route.gmail]
domains = ["gmail.test"]
host = "127.0.0.1:1"
[[warmup]]
ip = "{IP}"
mx = "mx.gmail.*"
plan = [50, 100]
begins = 2026-12-01
"""


def test_each_day_has_its_quota_nothing_goes_before_and_all_after():
    assert [quota_on(PLAN, FIRST + day) for day in (-9, -1, 0, 1, 2, 3, 99)] == [
        0, 0, 50, 100, 200, None, None,
    ]  # fmt: skip


def test_a_day_begins_at_midnight_utc():
    assert begin_of(FIRST) == 1_796_083_200.0
    assert day_of(begin_of(FIRST) - 0.001) == FIRST - 1
    assert day_of(begin_of(FIRST + 1) - 0.001) == FIRST


def test_masks_match_mx_hosts_and_domains_and_the_tightest_plan_holds():
    wide = PLAN.model_copy(update={"plan": (70,)})
    host = PLAN.model_copy(update={"mx": "mx.gmail.*", "plan": (60,)})
    domain = PLAN.model_copy(update={"mx": "gmail.test", "plan": (40,)})
    quotas = Quotas([wide, host, domain], ROUTES)
    assert quotas
    assert quotas.of(IP, "gmail", FIRST) == 40
    assert quotas.of(IP, "other", FIRST) == 70
    assert quotas.of(IP, "other", FIRST + 1) is None
    assert quotas.of("127.0.1.2", "gmail", FIRST) is None
    assert Quotas([host], ROUTES).of(IP, "other", FIRST) is None
    assert not Quotas([], ROUTES)


@given(st.lists(st.integers(1, 10**6), min_size=1).map(sorted), st.integers(-400, 400))
def test_a_quota_never_falls_from_day_to_day(plan, day):
    made = Warmup(ip=IP, plan=plan, begins=date(2026, 12, 1))
    today, tomorrow = quota_on(made, FIRST + day), quota_on(made, FIRST + day + 1)
    assert tomorrow is None or (today is not None and today <= tomorrow)


def test_it_is_read_from_the_file_and_from_the_environment():
    found = read(TEXT, "x.toml", LabConfiguration)
    assert found.warmup == (PLAN.model_copy(update={"mx": "mx.gmail.*", "plan": (50, 100)}),)
    moved = read(TEXT, "x.toml", LabConfiguration, {"warmup.0.begins": "2027-01-02"})
    assert moved.warmup[0].begins == date(2027, 1, 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[50, 100]", "[100, 50]", "no day has fewer messages than one before"),
        ("[50, 100]", "[]", "a list with at least 1"),
        ("[50, 100]", "[0]", "expected at least 1, got 0"),
        ("2026-12-01", '"soon"', "expected a date such as 2026-12-01, got 'soon'"),
        ("2026-12-01", "true", "expected a date such as 2026-12-01, got true"),
        ("begins = 2026-12-01", "", "is required: The plan's first day"),
        (f'ip = "{IP}"\nmx', 'ip = "here"\nmx', "expected an IP address"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(old, new, said):
    with pytest.raises(BadConfiguration) as raised:
        read(TEXT.replace(old, new), "x.toml", LabConfiguration)
    assert said in str(raised.value)
    assert "warmup[0]" in str(raised.value)


def test_a_plan_that_concerns_nobody_is_warned_of():
    text = TEXT.replace(f'ip = "{IP}"\nmx = "mx.gmail.*"', 'ip = "127.0.1.11"\nmx = "mx.gmial.*"')
    found = {each.key: each for each in lint(read(text, "x", LabConfiguration))}
    assert found["warmup[0].ip"].what == (
        "no affinity has the source IP 127.0.1.11; did you mean '127.0.1.1'?"
    )
    assert "matches no route's MX host" in found["warmup[0].mx"].what
