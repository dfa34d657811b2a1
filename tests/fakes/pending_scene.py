"""A lab at one moment as the diagnosis sees it: nothing stops its mail unless a test says so."""

from dataclasses import replace

from affinity.configuration import (
    Affinity,
    Configuration,
    MtaInstance,
    MxRule,
    Route,
    SourceIp,
)
from mail.states import DeliveryStatus
from monitor.why.facts import Facts
from monitor.why.group import Group, Hand, Place, Stand
from monitor.why.host import HostFacts
from store import modules
from store.deliveries import Delivery
from store.pending import LaneState, Lent, View
from store.reports import LaneReport, Phase, Trouble

NOW = 1_750_000_000.0
IP, OTHER = "127.0.1.1", "127.0.1.2"
LANE, SHARED = f"{IP}>a", "*>a"
DAY = 86_400.0

CONFIGURATION = Configuration(
    mta={"m1": MtaInstance(affinities=("promo",))},
    affinity={"promo": Affinity(ip=(SourceIp(address=IP), SourceIp(address=OTHER)))},
    route={"a": Route(domains=("a.test",), host="127.0.0.1:2525")},
)
DELIVERY = Delivery(
    id=1,
    label="spring",
    status=DeliveryStatus.IN_PROGRESS,
    affinity="promo",
    priority=0,
    part_size=8,
    submitted_at=NOW - 3600,
    contact_at=NOW - 3600,
    expires_at=NOW + 5 * DAY,
    started_at=NOW - 3500,
    finished_at=None,
    messages=100,
    open_until=None,
    counts={"pending": 100},
)
SCHEDULER = modules.Module("scheduler", "h", 1, "", NOW - 7200, NOW - 1, 1, None, NOW - 1)
INSTANCE = modules.Instance("m1", ("promo",), 1, "h", 2, NOW - 7200, NOW - 1, 1, None)
WORKER = modules.Worker(
    id=7,
    instance="m1",
    affinities=("promo",),
    host="h",
    pid=3,
    journal="/j/m1-x",
    state=modules.ALIVE,
    unbindable=(),
    started_at=NOW - 7200,
    heartbeat_at=NOW - 0.5,
    memory_bytes=1,
    reference_at=NOW - 1,
    progress_at=NOW - 0.6,
)
VIEW = View(
    queued=(),
    lent=(),
    retrying=(),
    deliveries={1: DELIVERY},
    services=(SCHEDULER,),
    instances=(INSTANCE,),
    workers=(WORKER,),
    reports=(),
    halts={},
    lanes={},
    waves={},
    noted_at=NOW - 3000,
)
QUEUED = Group(
    Place.QUEUED, DELIVERY, "a", 100, (IP, OTHER), first_part=11, queued_at=NOW - 1, part_messages=8
)
ONE_WAY = replace(QUEUED, planned=(IP,))
REPORT = LaneReport(7, LANE, IP)


def facts(view=VIEW, configuration=CONFIGURATION, seen=None, **more) -> Facts:
    return Facts(NOW, configuration, view, seen=seen or HostFacts(), **more)


def configured(**changes) -> Configuration:
    return CONFIGURATION.model_copy(update=changes)


def promo(*ips: SourceIp) -> Configuration:
    return configured(affinity={"promo": Affinity(ip=ips)})


def ruled(**rule) -> Configuration:
    """With one MX rule for the route."""
    return configured(mx_rule=(MxRule(mask="mx.a.test", **rule),))


def viewed(**changes) -> View:
    return replace(VIEW, **changes)


def delivered(group=QUEUED, **changes) -> Group:
    """A group of a delivery that differs."""
    return replace(group, delivery=replace(DELIVERY, **changes))


def held(stand=Stand.WAITING, worker=WORKER, leased_at=NOW - 2) -> Group:
    """A group in the worker's hand."""
    hand = Hand(worker, 7, LANE, IP, stand, leased_at, NOW + 13)
    return replace(QUEUED, place=Place.IN_HAND, planned=(IP,), hand=hand, first_part=None)


def retrying(**changes) -> Group:
    """A group whose next attempt is due in ten minutes."""
    return replace(
        ONE_WAY, place=Place.RETRYING, first_part=None, **{"due_at": NOW + 600, **changes}
    )


def lent(messages=2000, leased_at=NOW - 2, delivery=1, worker=7, lane=LANE, part=5) -> Lent:
    return Lent(part, delivery, "a", lane, IP, worker, leased_at, NOW + 13, messages)


def reported(**changes) -> View:
    """A view in which the worker tells this of its lane."""
    return viewed(reports=(replace(REPORT, **changes),))


def busy(**changes) -> View:
    """Its two connections wait for replies, and messages wait for them."""
    return reported(
        **{
            "waiting": 50,
            "in_flight": 2,
            "taken": 2,
            "allowed": 2,
            "phases": {"data": Phase(2, NOW - 1)},
            **changes,
        }
    )


def down(cause=None, until=NOW + 8) -> View:
    """No host of the lane can be connected to."""
    trouble = Trouble("connection refused", "connect", cause, NOW - 30)
    return reported(waiting=5, down_until=until, trouble=trouble)


def laned(lane=LANE, **state) -> View:
    """A view with what is stored of one lane."""
    return viewed(lanes={lane: LaneState(**state)})
