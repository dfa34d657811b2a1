"""What a configuration would make of queued mail: each cause, each effect, and how many."""

import pytest

from affinity.read_toml import read
from lab.configuration import LabConfiguration
from mail.cause import Cause
from monitor.outlook import Circumstances, Outlook
from monitor.plan import Effect, forecast
from store import deliveries, halts, lanes, parts
from store.schema import open_store

TEXT = """
[mta.m]
affinities = ["promo"]
[affinity.promo]
ip = [{ address = "127.0.1.1" }, { address = "127.0.1.2" }]
[route.a]
domains = ["a.test"]
sink = "s"
[route.b]
domains = ["*.b.test"]
host = "127.0.0.1:2525"
[sink.s]
listen = "127.0.0.1:2601"
"""
IPS = ("127.0.1.1", "127.0.1.2")
NOW = 1_750_000_000.0


def outlook(*changes, **circumstances):
    """By the configuration with texts replaced."""
    text = TEXT
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return Outlook(read(text, "x.toml", LabConfiguration), Circumstances(**circumstances))


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (outlook(), None),
        (outlook('affinities = ["promo"]', 'affinities = ["news"]'), "affinity_not_configured"),
        (outlook("[affinity.promo]", "[affinity.other]"), "affinity_not_configured"),
        (outlook(halted=["m"]), "affinity_on_stopped_mta"),
        (outlook(halted=["other"]), None),
        (
            outlook('1.1"', '1.1", exclude = ["a.*"]', '1.2"', '1.2", include = ["b.*"]'),
            "no_source_ip_for_domain",
        ),
        (outlook('1.1"', '1.1", weight = 0', '1.2"', '1.2", weight = 0'), "source_ips_weightless"),
        (outlook('1.1"', '1.1", weight = 0'), None),
        (outlook(can_bind=lambda _: False), "source_ip_unavailable"),
        (outlook(can_bind=lambda each: each == IPS[1]), None),
        (outlook(suspended=["127.0.1.1>a", "127.0.1.2>a"]), "lane_suspended"),
        (outlook(suspended=["127.0.1.1>a"]), None),
        (outlook('sink = "s"', 'host = "192.0.2.1:25"'), "destination_unreachable"),
        (outlook('"a.test"', '"c.test"'), "no_mx"),
    ],
)
def test_what_would_hold_up_mail_to_a_domain(made, cause):
    assert made.way("promo", "a.test").cause == cause


def test_the_outermost_cause_is_told():
    made = outlook('affinities = ["promo"]', 'affinities = ["news"]', '"a.test"', '"c.test"')
    assert made.way("promo", "a.test").cause is Cause.AFFINITY_NOT_CONFIGURED


def test_mail_that_was_planned_by_another_configuration_points_to_what_is_gone():
    way = outlook().way_as_planned("promo", "a", ("127.0.9.9",))
    assert (way.cause, way.source_ips, way.lanes) == (Cause.ORPHANED_SOURCE_IP, (), ())
    assert outlook().way_as_planned("promo", "a", ("127.0.9.9", IPS[0])).cause is None
    assert outlook().way_as_planned("promo", "gone", IPS).cause is Cause.NO_MX


@pytest.fixture
def store():
    opened = open_store("sqlite://", inline=True)
    yield opened
    opened.close()


@pytest.fixture
def queue(store):
    """``queue("a.test", "x.b.test", …)``: a delivery of a message to each, planned as ``TEXT``."""

    def submit(*domains):
        new = deliveries.NewDelivery("x", "promo", 0, 8, NOW, 0.0, 9e9, "m.eml", b"")
        delivery = store.write_now(deliveries.create, new)
        plan = outlook().plan
        made = [
            parts.NewPart(*plan("promo", each), [parts.NewMessage(f"u@{each}", each, "{}")])
            for each in domains
        ]
        store.write_now(parts.add, delivery, made, NOW)
        store.write_now(deliveries.confirm, delivery, NOW)
        return delivery

    return submit


def told(found):
    return [(each.domain, each.messages, list(each.effects)) for each in found.changes]


def test_the_same_configuration_changes_nothing(store, queue):
    queue("a.test", "x.b.test")
    found = forecast(store, outlook(), outlook())
    assert (found.pending, found.changes) == (2, ())
    assert set(found.messages().values()) == {0}


RULE = '[[mx_rule]]\nmask = "*"\nmax_connections = 5\n[mta.m]'


@pytest.mark.parametrize(
    ("changes", "effects"),
    [
        (('"127.0.1.2"', '"127.0.1.3"'), [Effect.SOURCE_IPS, Effect.LANES]),
        (("[route.a]", "[route.z]"), [Effect.MX_GROUP, Effect.LANES]),
        (("[mta.m]", RULE), [Effect.LIMITS]),
        (("[mta.m]", RULE.replace("\n[", "\nshared = true\n[")), [Effect.LANES]),
        (
            ('"a.test"', '"c.test"'),
            [Effect.STUCK, Effect.MX_GROUP, Effect.SOURCE_IPS, Effect.LANES],
        ),
        (('affinities = ["promo"]', 'affinities = ["x"]'), [Effect.STUCK]),
        (("[mta.m]", "[mta.n]"), []),
        (("2525", "2626"), []),
    ],
)
def test_each_effect_of_a_change(store, queue, changes, effects):
    queue("a.test")
    after = outlook(*changes)
    assert told(forecast(store, outlook(), after)) == ([("a.test", 1, effects)] if effects else [])


def test_mail_gets_free_or_is_stuck_for_another_cause(store, queue):
    queue("a.test", "c.test")
    before = outlook('affinities = ["promo"]', 'affinities = ["news"]')
    found = forecast(store, before, outlook())
    assert told(found) == [("a.test", 1, [Effect.FREED]), ("c.test", 1, [Effect.CAUSE])]
    (_, other) = found.changes
    assert (other.before.cause, other.after.cause) == ("affinity_not_configured", "no_mx")
    assert found.causes() == {}, "nothing becomes stuck"


def test_counts_are_by_delivery_and_by_cause(store, queue):
    first, second = queue("a.test", "x.b.test"), queue("x.b.test")
    found = forecast(store, outlook(), outlook('"*.b.test"', '"*.c.test"'))
    assert [(each.delivery_id, each.domain) for each in found.changes] == [
        (first, "x.b.test"),
        (second, "x.b.test"),
    ]
    assert (found.pending, found.messages()[Effect.STUCK]) == (3, 2)
    assert found.causes() == {Cause.NO_MX: 2}


def test_what_operators_said_counts(store, queue):
    queue("a.test")
    store.write_now(halts.halt, "m", "ann", NOW)
    store.write_now(lanes.suspend, ["127.0.1.1>z", "127.0.1.2>z"], NOW + 60, "", "ann", NOW)
    from monitor.plan import circumstances

    found = circumstances(store, NOW, lambda _: True)
    assert (found.halted, found.suspended) == ({"m"}, {"127.0.1.1>z", "127.0.1.2>z"})
    assert circumstances(store, NOW + 61, lambda _: True).suspended == set()
