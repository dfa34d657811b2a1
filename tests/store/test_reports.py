"""Reports from a store: the documentation's example from rows, agreement, an empty lab, plans."""

import pytest
from sqlalchemy import event

from affinity.configuration import Configuration
from mail.reason import Reason
from mail.states import MessageStatus
from mail.tracked import PIXEL, Kind, UrlMode
from monitor.reports.catalogue import ENTRIES, REPORTS
from monitor.reports.request import Request
from store import queues, report_scope, tables, tracked_urls
from store.report_scope import Scope
from store.tracked_urls import TrackedDelivery, TrackedUrl
from tests.store.hand import DEFERRED, REFUSED, UNKNOWN_USER

CONFIGURATION = Configuration.model_validate(
    {"affinity": {"main": {"ip": [{"address": "127.0.1.1", "weight": 1},
                                  {"address": "127.0.1.2", "weight": 1}]}}}
)  # fmt: skip
SHOP = "https://shop.test/"


def sheets(hand, name, delivery_id=None, **more):
    """A report's sheets by their names."""
    delivery = None
    if delivery_id is not None:
        (delivery,) = hand.ask(report_scope.reported, Scope(delivery_id))
    request = Request(hand.clock.now(), CONFIGURATION, delivery, **more)
    return {each.name: each for each in hand.ask(REPORTS[name].build, request).sheets}


def values(sheet):
    """The first column of a sheet with its third or last: figure and value."""
    names = [each.name for each in sheet.columns]
    return [dict(zip(names, row, strict=True)) for row in sheet.rows]


def indicators_of(hand, delivery_id, **more):
    sheet = sheets(hand, "indicators", delivery_id, **more)["indicators"]
    return {each["indicator"]: each["value"] for each in values(sheet)}


@pytest.fixture
def golden(hand):
    """John does nothing; Marie opens; Florian and his friend, Henry without cookies click."""
    author = hand.worker()
    people = ["john@a.test", "marie@a.test", "florian@a.test", "henry@b.test"]
    delivery_id = hand.submit(people)
    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent), finished=[lent])
    hand.finish()
    urls = (
        TrackedUrl(PIXEL, "", "", "", UrlMode.ENABLED, Kind.OPEN),
        TrackedUrl(2, SHOP, "Shop", "", UrlMode.ENABLED, Kind.CLICK),
        TrackedUrl(3, f"{SHOP}sale", "Sale", "", UrlMode.ENABLED, Kind.CLICK),
    )
    tracked = TrackedDelivery("http://t.test", True, False, None, None, urls)
    hand.store.write_now(tracked_urls.put, delivery_id, tracked)
    slot = int(hand.clock.now() // 300)
    logs = [
        (PIXEL, Kind.OPEN, slot, False, 4),
        (2, Kind.CLICK, slot, False, 9),  # Florian's
        (3, Kind.CLICK, slot + 1, False, 2),  # his friend's
        (2, Kind.CLICK, slot + 2, False, 4),  # Henry's
        (3, Kind.CLICK, slot + 2, True, 5),  # a scanner's
    ]

    def write(tx):
        names = ("delivery_id", "url", "kind", "slot", "is_machine", "logs", "amount", "articles")
        tx.dialect.bulk_insert(
            tx.connection, tables.rollup_tracking, names,
            [(delivery_id, url, int(kind), *rest, 0.0, 0) for url, kind, *rest in logs],
        )  # fmt: skip
        names = ("delivery_id", "domain", "humans", "opened", "clicked", "opt_outs", "persons")
        tx.dialect.bulk_insert(
            tx.connection, tables.rollup_engagement, names,
            [
                (delivery_id, "a.test", 1, 2, 1, 0, 2),
                (delivery_id, "b.test", 1, 1, 1, 0, 4),
                (delivery_id, "a.test", 0, 3, 2, 0, 3),
                (delivery_id, "b.test", 0, 1, 1, 0, 4),
            ],
        )  # fmt: skip

    hand.store.write_now(write)
    return hand, delivery_id


def test_the_example_of_person_people_and_recipients_from_rows(golden):
    found = indicators_of(*golden, humans=True)
    assert (found["clicks"], found["distinct_clicks"], found["distinct_opens"]) == (2, 6, 3)
    assert found["forwards"] == 4
    assert f"{found['raw_reactivity']:.2%}" == "66.67%"
    assert found["cumulated_clicks"] == 15


def test_machines_count_unless_they_are_left_out(golden):
    found = indicators_of(*golden)
    assert (found["clicks"], found["opens"], found["cumulated_clicks"]) == (3, 4, 20)


def test_urls_activity_and_tenths_agree_with_the_indicators(golden):
    hand, delivery_id = golden
    hand.clock.advance(3600.0)
    clicks = indicators_of(hand, delivery_id, humans=True)["cumulated_clicks"]
    urls = sheets(hand, "urls", delivery_id, humans=True)
    assert sum(urls["urls"].values("clicks")) == clicks
    assert urls["urls"].values("label") == ["Shop", "Sale"]
    assert sum(urls["urls"].values("share")) == pytest.approx(1)
    assert urls["rates"].values("here") == urls["rates"].values("average")  # there is no other
    hot = sheets(hand, "hot-clicks", delivery_id, humans=True)["urls"]
    assert hot.values("share") == urls["urls"].values("share")
    for of in (delivery_id, None):
        steps = sheets(hand, "activity", of, humans=True)["steps"]
        assert sum(steps.values("clicks")) == clicks
        assert sum(steps.values("opens")) == 4
    reached = sheets(hand, "tracking", delivery_id, humans=True)["reached"].values("clicks_s")
    start = hand.messages(delivery_id=delivery_id)[0].changed_at
    assert [each - (-start % 300 or 300) for each in reached] == [0] * 6 + [300] + [600] * 2


def test_text_alone_is_extrapolated_and_has_no_tenths(golden):
    hand, delivery_id = golden
    text = hand.submit(["z@a.test"])
    tracked = TrackedDelivery("http://t.test", False, True, None, None, ())
    hand.store.write_now(tracked_urls.put, text, tracked)
    found = indicators_of(hand, None, humans=True)
    assert (found["to_deliver"], found["opens"]) == (5, 3)
    assert found["distinct_opens"] == 4  # 3 x 5 / 4 = 3.75
    assert set(sheets(hand, "tracking", text)["reached"].values("opens_s")) == {None}
    assert delivery_id != text


@pytest.fixture
def mixed(hand):
    """Two deliveries with all kinds of ends, one of them under way."""
    author = hand.worker()
    verdicts = {"b": REFUSED, "c": UNKNOWN_USER, "d": DEFERRED}
    addresses = [f"u{number}@{name}.test" for name in "abcd" for number in range(6)]
    for _ in range(2):
        hand.submit([*addresses, addresses[0]])
        for lent in hand.lease(author):
            if lent.mx_group in verdicts:
                hand.settle(author, hand.outcomes(lent, verdicts[lent.mx_group]), finished=[lent])
            else:
                hand.settle(author, hand.outcomes(lent), finished=[lent])
        hand.clock.advance(700.0)
    return hand


def test_reports_agree_with_each_other_and_with_status(mixed):
    hand = mixed
    for delivery_id in (1, 2, None):
        deliveries = values(sheets(hand, "summary", delivery_id)["deliveries"])
        whole = deliveries[-1]
        assert whole["population"] == whole["to_deliver"] + whole["excluded"]
        ends = ("success", "errors", "pending", "cancelled")
        assert whole["to_deliver"] == sum(whole[each] for each in ends)
        broadcast = values(sheets(hand, "broadcast", delivery_id)["domains"])[-1]
        assert broadcast["processed"] == whole["success"] + whole["errors"]
        bounces = sheets(hand, "bounces", delivery_id)
        assert sum(bounces["reasons"].values("errors")) == whole["errors"]
        assert sum(bounces["domains"].values("errors")) == whole["errors"]
        exclusions = sheets(hand, "exclusions", delivery_id)
        assert sum(exclusions["causes"].values("messages")) == whole["excluded"]
        assert sum(exclusions["domains"].values("messages")) == whole["excluded"]
        (total,) = values(sheets(hand, "throughput", delivery_id)["total"])
        assert total["sent"] == whole["success"]
        assert total["failed"] == whole["errors"]
        ips = sheets(hand, "source-ips", delivery_id, since=1.0)["affinities"]
        assert sum(ips.values("attempts")) == total["attempts"]
    failed = {
        reason: number
        for status, reason, number in hand.ask(queues.by_reason)
        if status is MessageStatus.FAILED
    }
    reasons = values(sheets(hand, "bounces")["reasons"])
    assert {each["reason"]: each["errors"] for each in reasons if each["errors"]} == {
        reason.label: number for reason, number in failed.items()
    }


def test_the_lab_is_its_deliveries_and_minutes_are_slots(mixed):
    hand = mixed
    (whole,) = values(sheets(hand, "throughput")["total"])
    parts = [values(sheets(hand, "throughput", each)["total"])[0] for each in (1, 2)]
    minutes = hand.ask(queues.traffic)
    for name in ("sent", "deferred", "failed", "bytes"):
        assert whole[name] == sum(each[name] for each in parts)
        assert whole[name] == sum(getattr(each, name) for each in minutes)
    assert whole["bytes"] == 4096 * whole["sent"]


def test_new_quarantines_are_those_of_the_delivery(mixed):
    found = values(sheets(mixed, "summary")["deliveries"])
    assert [each["new_quarantines"] for each in found] == [6, 0, 6]
    assert found[1]["excluded"] == 1 + 6  # the double, and those that the first one quarantined


def test_errors_drill_by_source_ip_and_destination(mixed):
    found = sheets(mixed, "smtp-errors")
    (group,) = (each for each in values(found["groups"]) if each["mx_group"] == "d")
    assert (group["attempts"], group["errors"], group["last_reply"]) == (12, 12, "451 4.7.1 later")
    assert sum(found["slots"].values("errors")) == sum(found["groups"].values("errors"))
    assert sum(found["slots"].values("attempts")) == sum(found["groups"].values("attempts"))
    drilled = sheets(mixed, "smtp-errors", domain="d", source_ip="127.0.1.1")
    assert drilled["paths"].values("errors") == [12]
    assert sheets(mixed, "smtp-errors", source_ip="127.9.9.9")["paths"].rows == ()


def test_one_reason_and_one_domain(mixed):
    found = sheets(mixed, "bounces", reason=Reason.REFUSED)
    assert found["domains"].values("domain") == ["b.test"]
    found = sheets(mixed, "bounces", domain="c.test")
    assert sum(found["reasons"].values("errors")) == 6


def test_sending_statistics_say_what_waits(mixed):
    figures = {each["figure"]: each["value"] for each in values(sheets(mixed, "smtp")["figures"])}
    assert (figures["deferred queue"], figures["active queue"]) == (12, 0)
    assert figures["submitted"] == 50


def test_an_empty_lab_has_every_report(hand):
    hand.create()
    for entry in ENTRIES:
        found = sheets(hand, entry.name, 1 if entry.of == "delivery" else None)
        for sheet in found.values():
            assert all(len(row) == len(sheet.columns) for row in sheet.rows), entry.name


def test_no_report_reads_a_row_for_each_message(golden):
    """What stands in parts or waits for a retry is counted in their indexes, by status too."""
    hand, delivery_id = golden
    asked = []

    @event.listens_for(hand.store.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, _parameters, _context, _is_many):
        asked.append(statement)

    for entry in ENTRIES:
        asked.clear()
        sheets(hand, entry.name, None if entry.of == "lab" else delivery_id)
        read = [each for each in asked if "FROM transition" in each or "FROM message" in each]
        if entry.name == "smtp":  # the queues of `mtalab queue`, see test_plans.py
            read = [each for each in read if "next_attempt_at IS NOT NULL" not in each]
        assert asked
        assert read == [], entry.name
    event.remove(hand.store.engine, "before_cursor_execute", note)
