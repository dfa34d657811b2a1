"""Formulas of the reports, reckoned by hand; with the example of the modelled system."""

from dataclasses import replace
from pathlib import Path

import pytest

from mail.error_kind import ErrorKind
from mail.reason import Reason
from mail.states import MessageStatus
from mail.tracked import Kind, UrlMode
from monitor.reports import (
    activity,
    bounces,
    broadcast,
    indicators,
    smtp_errors,
    source_ips,
    summary,
    throughput,
    urls,
)
from monitor.reports.catalogue import ENTRIES
from monitor.reports.indicators import Counts
from monitor.reports.ratio import rounded, share, wilson
from monitor.reports.steps import step_for
from monitor.reports.tally import Tally
from store.report_tracking import Engagement, NamedUrl, SlotLogs, UrlLogs
from store.report_traffic import (
    Admitted,
    ErrorCount,
    GroupTraffic,
    LastReply,
    PathTraffic,
    SlotTraffic,
)

# John does nothing; Marie opens; Florian opens and clicks 9 times, and forwards to one who opens
# and clicks twice; Henry opens and clicks 4 times, without cookies.
GOLDEN = Counts(4, 4, 0, 0, 3, 2, 6, 4, 15, 0, 0, 0, 0, 0.0, 0)
SENT, FAILED, IGNORED = MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.IGNORED


def rows_of(sheet):
    """The rows of a sheet, by the value of its first column."""
    names = [each.name for each in sheet.columns]
    return {row[0]: dict(zip(names, row, strict=True)) for row in sheet.rows}


def of(*counts):
    """A tally of (status, reason, messages)."""
    found = Tally()
    for each in counts:
        found.add(*each)
    return found


def test_the_example_of_person_people_and_recipients():
    found = indicators.indicators(GOLDEN)
    assert found["clicks"] == 2
    assert found["distinct_clicks"] == 6
    assert found["opens"] == found["distinct_opens"] == 3
    assert found["forwards"] == 4
    assert round(100 * found["raw_reactivity"], 2) == 66.67
    assert found["cumulated_clicks"] == 15


def test_opens_are_extrapolated_to_readers_of_text():
    found = indicators.indicators(replace(GOLDEN, to_deliver=10, text_messages=6))
    assert found["distinct_opens"] == 8  # 3 x 10 / 4 = 7.5, upwards
    assert found["sum_of_opens"] == 10
    assert found["estimated_reactivity"] == 2 / 8


def test_nothing_of_nothing_is_nothing():
    nothing = Counts(*([0] * 13), 0.0, 0)
    assert set(indicators.indicators(nothing).values()) == {0}
    only_text = indicators.indicators(replace(GOLDEN, text_messages=4))
    assert only_text["distinct_opens"] == only_text["estimated_reactivity"] == 0


def test_fewer_browsers_than_clickers_are_no_negative_forwards():
    assert indicators.indicators(replace(GOLDEN, person_click=1))["forwards"] == 0


def test_money_is_of_transactions_alone():
    logs = [
        UrlLogs(1, 7, Kind.PAGE, 3, 99.0, 9),
        UrlLogs(1, 8, Kind.TRANSACTION, 2, 30.0, 5),
        UrlLogs(1, 1, Kind.OPEN, 4, 0.0, 0),
        UrlLogs(1, 5, Kind.OPEN, 1, 0.0, 0),  # of another URL than the pixel
    ]
    found = indicators.indicators(indicators.counts([], (), [], logs))
    assert (found["visited_pages"], found["transactions"]) == (5, 2)
    assert (found["amount"], found["articles"], found["amount_per_transaction"]) == (30.0, 5, 15.0)
    assert found["total_opens"] == 4


def test_every_indicator_is_explained_and_shown():
    assert [each.name for each in indicators.FIGURES] == list(indicators.indicators(GOLDEN))
    assert len(indicators.indicator_sheet(GOLDEN).rows) == len(indicators.INDICATORS)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_every_report_explains_itself(entry):
    assert entry.figures
    assert all(each.formula for each in entry.figures)


def test_halves_go_upwards_and_a_share_of_nothing_is_none():
    assert [rounded(number, 2) for number in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert rounded(5, 0) == 0
    assert share(3, 0) == 0.0


def test_the_interval_of_wilson():
    low, high = wilson(10, 100)  # by a table: 0.0552 to 0.1744
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def test_hard_is_user_unknown_and_soft_is_the_rest_of_those_shown():
    found = rows_of(
        broadcast.broadcast(
            {
                "a.test": of(
                    (SENT, Reason.NOT_DEFINED, 5),
                    (FAILED, Reason.USER_UNKNOWN, 2),
                    (FAILED, Reason.MAILBOX_FULL, 1),
                    (FAILED, Reason.REFUSED, 1),
                    (FAILED, Reason.EXPIRED, 1),
                    (IGNORED, Reason.QUARANTINED, 7),
                ),
                "b.test": of((SENT, Reason.NOT_DEFINED, 3), (FAILED, Reason.DENYLISTED, 1)),
            },
            [Engagement("a.test", 4, 2, 1, 3)],
        )
    )
    a = found["a.test"]
    assert (a["processed"], a["delivered"], a["hard"], a["soft"], a["other"]) == (
        10, 0.5, 0.2, 0.2, 0.1,
    )  # fmt: skip
    assert (a["opens"], a["clicks"], a["unsubscriptions"]) == (0.8, 0.4, 0.2)
    assert found["b.test"]["complaints"] == 0.25
    assert found["all"]["processed"] == 14


def test_bounces_by_reason_drill_to_domains_and_back():
    domains = {
        "a.test": of((SENT, Reason.NOT_DEFINED, 6), (FAILED, Reason.USER_UNKNOWN, 4)),
        "b.test": of((FAILED, Reason.MAILBOX_FULL, 1), (FAILED, Reason.USER_UNKNOWN, 1)),
    }
    reasons, by_domain, cells = bounces.sheets(domains)
    unknown = rows_of(reasons)["user_unknown"]
    assert (unknown["errors"], unknown["contribution"]) == (5, 5 / 6)
    assert unknown["breakdown"] == 5 / 12
    assert rows_of(by_domain)["a.test"]["breakdown"] == 0.4
    assert ("b.test", "mailbox_full", 1) in cells.rows
    reasons, by_domain, _ = bounces.sheets(domains, Reason.MAILBOX_FULL)
    assert list(rows_of(reasons)) == ["mailbox_full"]
    assert list(rows_of(by_domain)) == ["b.test"]


def test_the_causes_of_exclusion():
    found = summary.causes(of((SENT, Reason.NOT_DEFINED, 6), (IGNORED, Reason.DUPLICATE, 2)))
    assert found.rows == (("duplicate", 2, 1.0, 0.25),)


def test_throughput_is_per_hour_and_in_bits():
    steps, total = throughput.sheets([SlotTraffic(12, 10, 4, 1, 3000)], 12, 24)
    first = next(iter(rows_of(steps).values()))
    assert (first["sent_per_hour"], first["deferred_per_hour"]) == (120, 48)
    assert first["bits_per_s"] == 80
    assert len(steps.rows) == 12
    assert total.rows[0][:5] == (15, 10, 4, 1, 10 / 15)


@pytest.mark.parametrize(
    ("hours", "step"),
    [(1, 300), (3, 900), (12, 1800), (24, 3600), (7 * 24, 6 * 3600), (30 * 24, 24 * 3600)],
)
def test_scales_have_a_few_dozen_points(hours, step):
    assert step_for(hours * 3600) == step
    assert 12 <= hours * 3600 / step <= 30


def test_tenths_of_what_came_back_end_with_their_five_minutes():
    found = activity.reached(
        [SlotLogs(0, Kind.OPEN, 5), SlotLogs(2, Kind.OPEN, 5), SlotLogs(2, Kind.CLICK, 1)], 100.0
    )
    opens = found.values("opens_s")
    assert opens == [200.0] * 5 + [800.0] * 4
    assert found.values("clicks_s") == [800.0] * 9
    assert found.values("transactions_s") == [None] * 9


def test_urls_of_one_label_or_one_address_are_one():
    named = [
        NamedUrl(1, 1, "", "pixel", "", UrlMode.ENABLED),
        NamedUrl(1, 2, "https://a.test/x", "Shop", "", UrlMode.ENABLED),
        NamedUrl(1, 3, "https://a.test/y", "Shop", "", UrlMode.ENABLED),
        NamedUrl(2, 2, "https://a.test/x", "Another word", "", UrlMode.ENABLED),
        NamedUrl(2, 3, "https://a.test/out", "Leave", "", UrlMode.OPT_OUT),
    ]
    logs = [
        UrlLogs(1, 1, Kind.OPEN, 50, 0.0, 0),
        UrlLogs(1, 2, Kind.CLICK, 1, 0.0, 0),
        UrlLogs(1, 3, Kind.CLICK, 2, 0.0, 0),
        UrlLogs(2, 2, Kind.CLICK, 3, 0.0, 0),
        UrlLogs(2, 3, Kind.OPT_OUT, 2, 0.0, 0),
    ]
    found = rows_of(urls.url_sheet(urls.clicked(named, logs), 16))
    assert {name: row["clicks"] for name, row in found.items()} == {"Shop": 6, "Leave": 2}
    assert (found["Shop"]["share"], found["Shop"]["per_message"]) == (0.75, 0.375)


ADMITTED = [
    Admitted("main", "a", ("1", "2", "3"), 100),
    Admitted("main", "b", ("2", "3"), 50),
]
WEIGHTS = {"main": {"1": 5.0, "2": 5.0, "3": 1.0}}


def sent_by(*numbers):
    """Traffic of the affinity main: (source IP, MX group, messages)."""
    return [PathTraffic("main", ip, group, sent, 0, 0, 0) for ip, group, sent in numbers]


def test_what_is_due_to_an_ip_depends_on_where_it_may_send():
    paths = sent_by(("1", "a", 500), ("2", "a", 500), ("3", "a", 100), ("2", "b", 600))
    due = source_ips.due_of(paths, ADMITTED, WEIGHTS)
    assert due["main", "1"] == pytest.approx(500)
    assert due["main", "2"] == pytest.approx(500 + 500)
    assert due["main", "3"] == pytest.approx(100 + 100)


def test_verdicts():
    paths = sent_by(("1", "a", 900), ("2", "a", 100), ("3", "a", 100))
    found, together = source_ips.sheets(paths, ADMITTED[:1], WEIGHTS, 8)
    verdicts = dict(zip(found.values("source_ip"), found.values("verdict"), strict=True))
    assert verdicts == {"1": "more", "2": "less", "3": "as due"}
    assert together.values("verdict") == ["more", "less", "as due"]


def test_a_few_parts_more_or_less_are_as_due():
    assert source_ips.verdict(300, 500, 200.0, 0.0) == "more"
    assert source_ips.verdict(300, 500, 200.0, 100.0) == "as due"
    assert source_ips.verdict(5, 20, 20.0, 0.0) == "too few"


def test_an_ip_of_two_affinities_is_judged_by_both_together():
    paths = [
        PathTraffic("main", "1", "a", 500, 0, 0, 0),
        PathTraffic("other", "1", "a", 500, 0, 0, 0),
        PathTraffic("other", "9", "a", 500, 0, 0, 0),
    ]
    admitted = [Admitted("main", "a", ("1",), 5), Admitted("other", "a", ("1", "9"), 5)]
    weights = {"main": {"1": 1.0}, "other": {"1": 1.0, "9": 1.0}}
    _, together = source_ips.sheets(paths, admitted, weights, 1)
    row = rows_of(together)["1"]
    assert (row["affinities"], row["attempts"], row["verdict"]) == ("main, other", 1000, "as due")
    assert row["due"] == pytest.approx(1000 / 1500)


def test_errors_by_destination_path_domain_and_twelfth():
    traffic = [GroupTraffic(0, "a", "1", 90, 100, 9), GroupTraffic(11, "a", "2", 0, 10, 0)]
    errors = [
        ErrorCount(0, "a", "1", "x.test", ErrorKind.ERRORS, 10),
        ErrorCount(11, "a", "2", "y.test", ErrorKind.ABORTED, 10),
        ErrorCount(11, "a", "2", "y.test", ErrorKind.EXPIRED, 3),
    ]
    replies = [
        LastReply("a", "1", ErrorKind.ERRORS, "x.test", 5.0, 451, "later"),
        LastReply("a", "2", ErrorKind.ABORTED, "y.test", 9.0, None, "connection lost"),
    ]
    groups, paths, domains, slots = smtp_errors.sheets(traffic, errors, replies, 0, 12)
    group = rows_of(groups)["a"]
    assert (group["attempts"], group["errors"]) == (110, 20)
    assert group["slots"] == "▁··········█"
    assert (group["last_reply"], group["at"]) == ("connection lost", 9.0)
    assert paths.values("aborted") == [0, 10]
    assert paths.values("expired") == [0, 3]
    assert paths.values("last_reply") == ["451 later", "connection lost"]
    assert domains.values("domain") == ["y.test", "x.test"]
    assert slots.values("errors") == [10, *[0] * 10, 10]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_the_document_has_each_figure_of_each_report(entry):
    text = (Path(__file__).parents[3] / "docs" / "reports.md").read_text()
    section = text.partition(f"\n## {entry.title}\n")[2].partition("\n## ")[0]
    assert f"`mtalab report {entry.name}`" in section
    assert [
        each.name for each in entry.figures if f"| {each.name} | {each.formula} |" not in section
    ] == []
