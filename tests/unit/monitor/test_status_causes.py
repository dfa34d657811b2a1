"""Why a group of queued parts waits, the outermost cause first."""

import math

import pytest

from affinity.configuration import (
    Affinity,
    Configuration,
    MtaInstance,
    MxRule,
    Route,
    SourceIp,
)
from monitor.status import status
from store import deliveries, halts, lanes, modules, parts
from store.schema import open_store

NOW = 1_750_000_000.0
CONFIGURATION = Configuration(
    mta={"m1": MtaInstance(affinities=("promo",))},
    affinity={
        "promo": Affinity(
            ip=(
                SourceIp(address="127.0.1.1"),
                SourceIp(address="127.0.1.2", weight=0),
                SourceIp(address="127.0.1.3"),
            )
        )
    },
    route={"a": Route(domains=("a.test",), host="127.0.0.1:2525")},
)


@pytest.fixture
def waiting(tmp_path):
    """``waiting(**how)`` → the cause shown for one queued part, and whether it is blocked."""
    store = open_store(f"sqlite:///{tmp_path}/lab.db")

    def ask(
        *,
        affinity="promo",
        group="a",
        ips=("127.0.1.1",),
        contact_at=NOW,
        scheduler=True,
        worker=("promo",),
        unbindable=(),
        configuration=CONFIGURATION,
        suspended=(),
        until=math.inf,
        halted=None,
    ):
        new = deliveries.NewDelivery("x", affinity, 0, 8, NOW, contact_at, NOW + 9e5, "m.eml", b"")
        delivery = store.write_now(deliveries.create, new)
        one = [parts.NewMessage("u@a.test", "a.test", "{}")]
        store.write_now(parts.add, delivery, [parts.NewPart(group, ips, one)], NOW)
        store.write_now(deliveries.confirm, delivery, NOW)
        process = modules.Process("h", 1, 1)
        if scheduler:
            store.write_now(modules.announce_module, "scheduler", process, "", NOW)
        if worker is not None:
            number = store.write_now(modules.register_worker, "m1", worker, "journal", process, NOW)
            store.write_now(modules.announce_worker, number, worker, unbindable)
        store.write_now(lanes.suspend, suspended, until, "blocked", "ann", NOW)
        if halted is not None:
            store.write_now(halts.halt, halted, "ann", NOW)
        [line] = status(store, configuration, NOW + 1, []).queues
        return line.cause, line.blocked

    yield ask
    store.close()


def test_nothing_is_in_its_way(waiting):
    assert waiting() == ("waiting its turn", False)


def test_its_date_is_ahead(waiting):
    assert waiting(contact_at=NOW + 61, scheduler=False) == (
        "its contact date is 1 min ahead",
        False,
    )


def test_no_scheduler(waiting):
    assert waiting(scheduler=False, worker=None) == (
        "no scheduler is running: none has run on this store yet",
        True,
    )


def test_no_worker(waiting):
    assert waiting(worker=None) == (
        "no MTA instance is running: mta@m1 was never started",
        True,
    )


def test_no_running_instance_has_the_affinity_and_the_nearest_is_named(waiting):
    assert waiting(affinity="prmo") == (
        "no running MTA instance has affinity 'prmo' (they have: promo); did you mean 'promo'?",
        True,
    )


def test_the_masks_leave_no_ip(waiting):
    promo = Affinity(ip=(SourceIp(address="127.0.1.1", exclude=("a.test",)),))
    masked = CONFIGURATION.model_copy(update={"affinity": {"promo": promo}})
    assert waiting(ips=(), configuration=masked) == (
        "the masks of affinity 'promo' leave no source IP for a.test",
        True,
    )


def test_all_ips_left_have_no_weight(waiting):
    assert waiting(ips=("127.0.1.2",)) == (
        "the source IPs left to it all have weight 0: 127.0.1.2",
        True,
    )


def test_no_host_can_send_from_the_ip(waiting):
    assert waiting(ips=("127.0.1.3",), unbindable=("127.0.1.3",)) == (
        "no worker's host can send from 127.0.1.3: cannot be bound",
        True,
    )


def test_no_route(waiting):
    assert waiting(group="b.test") == ("no route leads to b.test", True)


def test_a_rate_limit_is_named_with_its_rule(waiting):
    rule = MxRule(mask="*.a.test", messages_per_hour=100)
    limited = CONFIGURATION.model_copy(update={"mx_rule": (rule,)})
    assert waiting(configuration=limited) == (
        "waiting its turn: 100 messages an hour from each source IP (MX rule *.a.test)",
        False,
    )


def test_a_suspended_lane_is_named_with_its_end_and_why(waiting):
    assert waiting(suspended=["127.0.1.1>a"]) == (
        "lane 127.0.1.1>a is suspended until resumed: blocked",
        True,
    )


def test_a_suspension_with_an_end_moves_by_itself(waiting):
    assert waiting(suspended=["127.0.1.1>a"], until=NOW + 61) == (
        "lane 127.0.1.1>a is suspended for 1 min more: blocked",
        False,
    )


def test_what_has_another_lane_is_not_held_by_one_suspension(waiting):
    ips = ("127.0.1.1", "127.0.1.3")
    assert waiting(ips=ips, suspended=["127.0.1.3>a"]) == ("waiting its turn", False)


def test_the_lane_of_all_source_ips_is_suspended(waiting):
    rule = MxRule(mask="*.a.test", messages_per_hour=100, shared=True)
    shared = CONFIGURATION.model_copy(update={"mx_rule": (rule,)})
    cause, blocked = waiting(configuration=shared, suspended=["*>a"])
    assert (cause, blocked) == ("lane *>a is suspended until resumed: blocked", True)


def test_an_instance_stopped_by_hand_is_named(waiting):
    assert waiting(worker=None, halted="m1") == (
        "no MTA instance is running: mta@m1 was stopped by hand (ann)",
        True,
    )


def test_an_instance_stopped_by_hand_is_no_cause_where_another_serves(waiting):
    assert waiting(halted="m1") == ("waiting its turn", False)
