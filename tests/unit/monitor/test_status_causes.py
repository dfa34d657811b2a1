"""Why a group of queued parts waits, the outermost cause first."""

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
from store import deliveries, modules, parts
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
    assert waiting(scheduler=False, worker=None) == ("no scheduler is running", True)


def test_no_worker(waiting):
    assert waiting(worker=None) == ("no MTA instance is running", True)


def test_no_running_instance_has_the_affinity_and_the_nearest_is_named(waiting):
    assert waiting(affinity="prmo") == (
        "no running MTA instance has affinity 'prmo' (they have: promo); did you mean 'promo'?",
        True,
    )


def test_the_masks_leave_no_ip(waiting):
    assert waiting(ips=()) == (
        "the masks of affinity 'promo' leave no source IP for its domain",
        True,
    )


def test_all_ips_left_have_no_weight(waiting):
    assert waiting(ips=("127.0.1.2",)) == (
        "the source IPs left to it all have weight 0: 127.0.1.2",
        True,
    )


def test_no_host_can_send_from_the_ip(waiting):
    assert waiting(ips=("127.0.1.3",), unbindable=("127.0.1.3",)) == (
        "no worker's host can send from 127.0.1.3",
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
