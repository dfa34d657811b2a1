"""Each cause: what brings it about, and that nothing else does."""

import math
from dataclasses import replace

import pytest

from affinity.configuration import Affinity, MtaInstance, Route, SourceIp
from affinity.warmup import account_of
from mail.cause import Cause, Progress
from mail.states import DeliveryStatus
from monitor.why.chain import steps, walk
from monitor.why.diagnosis import finding
from monitor.why.facts import Concurrency, Features, Quota
from monitor.why.group import Stand, Wave
from monitor.why.host import HostFacts, KnownOutcomes
from store import halts
from store.pending_one import Last
from store.reports import Phase
from tests.fakes.pending_scene import (
    IP,
    NOW,
    ONE_WAY,
    OTHER,
    QUEUED,
    SCHEDULER,
    SHARED,
    WORKER,
    busy,
    configured,
    delivered,
    down,
    facts,
    held,
    laned,
    lent,
    promo,
    reported,
    retrying,
    ruled,
    viewed,
)

HALTED = {"m1": halts.Halt(NOW - 60, "ann")}
NO_WORKERS = viewed(workers=(), instances=())
FULL = viewed(lent=(lent(leased_at=NOW - 40),))
OTHERS = viewed(lent=(lent(delivery=2),))
LIMITED = ruled(messages_per_hour=100)
STALE = {"heartbeat_at": NOW - 60, "reference_at": NOW - 60}
GONE = replace(WORKER, heartbeat_at=NOW - 6, reference_at=NOW - 7)
MUTE = replace(WORKER, progress_at=NOW - 90)
JOURNAL = HostFacts(journals={7: KnownOutcomes("/j/m1-x", (1, 2))})
STORE = HostFacts(
    store_trouble="database or disk is full",
    running=frozenset({"scheduler", "mta@m1", "mta@m1-7"}),
)
SILENT = viewed(
    services=(replace(SCHEDULER, **STALE),),
    workers=(replace(WORKER, **STALE),),
    instances=(),
)


def features(**one) -> dict:
    return {"features": Features(**one)}


# Cause, group, and what is so.
SCENES = [
    ("delivery_not_confirmed", delivered(status=DeliveryStatus.READY), {}),
    ("delivery_not_confirmed", delivered(status=DeliveryStatus.EDITING), {}),
    ("contact_date_ahead", delivered(contact_at=NOW + 90), {}),
    ("wave_not_due", replace(QUEUED, wave=Wave(2, NOW + 60)), {}),
    (
        "concurrency_limit",
        delivered(status=DeliveryStatus.START_PENDING),
        features(concurrency=Concurrency(2, (8, 9))),
    ),
    ("delivery_paused", delivered(status=DeliveryStatus.PAUSED), {}),
    ("delivery_paused", delivered(held(), status=DeliveryStatus.PAUSED), {}),
    ("scheduler_not_running", QUEUED, {"view": viewed(services=())}),
    (
        "scheduler_not_running",
        QUEUED,
        {"view": viewed(services=(replace(SCHEDULER, stopped_at=NOW - 5),))},
    ),
    ("scheduler_not_running", QUEUED, {"view": viewed(services=(replace(SCHEDULER, **STALE),))}),
    (
        "clock_skew",
        QUEUED,
        {"view": viewed(services=(replace(SCHEDULER, heartbeat_at=NOW + 60),))},
    ),
    (
        "clock_skew",
        QUEUED,
        {"view": viewed(services=(replace(SCHEDULER, heartbeat_at=NOW - 60),))},
    ),
    ("clock_skew", QUEUED, {"view": viewed(workers=(replace(WORKER, heartbeat_at=NOW + 60),))}),
    ("clock_skew", QUEUED, {"view": viewed(workers=(replace(WORKER, heartbeat_at=NOW - 60),))}),
    ("clock_skew", QUEUED, {"seen": HostFacts(clock_ahead_s=-60)}),
    ("mta_not_started", QUEUED, {"view": NO_WORKERS}),
    ("mta_not_started", QUEUED, {"view": viewed(workers=(), instances=(), halts=HALTED)}),
    ("mta_not_started", QUEUED, {"view": NO_WORKERS, "configuration": configured(mta={})}),
    ("affinity_not_configured", delivered(affinity="prmo"), {}),
    (
        "affinity_not_configured",  # defined, and no instance has it
        delivered(affinity="news"),
        {"configuration": configured(affinity={"news": Affinity(ip=(SourceIp(address=IP),))})},
    ),
    (
        "affinity_not_configured",  # the instance goes by an older file
        QUEUED,
        {"view": viewed(workers=(replace(WORKER, affinities=("old",)),))},
    ),
    (
        "affinity_on_stopped_mta",
        delivered(affinity="promo"),
        {
            "view": viewed(
                workers=(replace(WORKER, instance="m2", affinities=("news",)),), instances=()
            ),
            "configuration": configured(
                mta={
                    "m1": MtaInstance(affinities=("promo",)),
                    "m2": MtaInstance(affinities=("news",)),
                }
            ),
        },
    ),
    ("no_source_ip_for_domain", replace(QUEUED, planned=(), domain="a.test"), {}),
    (
        "source_ips_weightless",
        QUEUED,
        {"configuration": promo(SourceIp(address=IP, weight=0), SourceIp(address=OTHER, weight=0))},
    ),
    (
        "source_ip_unavailable",
        QUEUED,
        {"view": viewed(workers=(replace(WORKER, unbindable=(IP, OTHER)),))},
    ),
    ("orphaned_source_ip", replace(QUEUED, planned=("127.0.9.9",)), {}),
    ("lane_suspended", ONE_WAY, {"view": laned(suspended_until=math.inf)}),
    ("lane_suspended", ONE_WAY, {"view": laned(suspended_until=NOW + 5, because="blocked")}),
    (
        "lane_suspended",
        QUEUED,
        {
            "view": laned(SHARED, suspended_until=math.inf),
            "configuration": ruled(max_connections=1, shared=True),
        },
    ),
    (
        "destination_breaker",
        ONE_WAY,
        {"view": laned(suspended_until=NOW + 60, because="most failed", errors=380, attempts=400)},
    ),
    ("rate_limited", ONE_WAY, {"view": laned(tat=NOW + 30), "configuration": LIMITED}),
    (
        "rate_limited",
        held(),
        {"view": reported(waiting=5, tat=NOW + 30), "configuration": LIMITED},
    ),
    (
        "rate_limited",
        retrying(),
        {"view": laned(tat=NOW + 3000), "configuration": LIMITED},
    ),
    ("connection_limit", held(), {"view": busy(), "configuration": ruled(max_connections=2)}),
    ("connection_limit", ONE_WAY, {"view": busy(), "configuration": ruled(max_connections=2)}),
    ("warmup_quota", ONE_WAY, features(quotas={(IP, "a"): Quota(2, 50, 50, NOW + 60)})),
    ("affinity_quota", QUEUED, features(quotas={account_of("promo"): Quota(2, 9, 9, NOW + 60)})),
    ("retry_later", retrying(waits_for=Cause.RETRY_LATER), {}),
    ("retry_later", retrying(), {}),
    ("greylisted", retrying(waits_for=Cause.GREYLISTED), {}),
    ("destination_unreachable", retrying(waits_for=Cause.DESTINATION_UNREACHABLE), {}),
    ("destination_unreachable", held(), {"view": down(Cause.DESTINATION_UNREACHABLE)}),
    ("destination_unreachable", held(), {"view": down(until=None)}),
    (
        "destination_unreachable",
        QUEUED,
        {"configuration": configured(route={"a": Route(domains=("a.test",), host="192.0.2.1:25")})},
    ),
    ("no_mx", replace(QUEUED, mx_group="b.test"), {}),
    ("no_mx", replace(QUEUED, mx_group="a.test"), {}),  # routed since it was planned
    ("no_mx", retrying(waits_for=Cause.NO_MX), {}),
    ("tls_required_not_offered", retrying(waits_for=Cause.TLS_REQUIRED_NOT_OFFERED), {}),
    ("tls_required_not_offered", held(), {"view": down(Cause.TLS_REQUIRED_NOT_OFFERED)}),
    ("receiver_slow", held(Stand.SLOW), {"view": busy(phases={"data": Phase(2, NOW - 9)})}),
    ("receiver_slow", held(), {"view": busy(phases={"data": Phase(2, NOW - 9)})}),
    (
        "receiver_slow",
        held(),
        {"view": busy(taken=1, phases={"connecting": Phase(1, NOW - 9)})},
    ),
    ("lease_of_dead_worker", held(worker=GONE), {"view": viewed(workers=(GONE,))}),
    ("lease_of_dead_worker", held(worker=None), {}),
    (
        "worker_stalled",
        held(Stand.UNTOLD, MUTE, NOW - 60),
        {"view": viewed(workers=(MUTE,))},
    ),
    (
        "worker_stalled",
        held(Stand.SLOW),
        {"view": busy(phases={"body": Phase(2, NOW - 300)})},
    ),
    ("workers_busy", ONE_WAY, {"view": FULL}),
    ("workers_busy", QUEUED, {"view": viewed(workers=())}),
    ("behind_other_work", ONE_WAY, {"view": OTHERS}),
    (
        "store_unwritable",
        held(worker=replace(WORKER, trouble="the journal cannot be written")),
        {},
    ),
    ("store_unwritable", QUEUED, {"seen": STORE, "view": SILENT}),
    ("outcome_not_recorded", held(Stand.KNOWN, GONE), {"seen": JOURNAL}),
    ("message_too_large", retrying(waits_for=Cause.MESSAGE_TOO_LARGE), {}),
    (
        "no_progress",
        replace(QUEUED, queued_at=NOW - 100),
        {"view": viewed(workers=(MUTE,), noted_at=NOW - 100)},
    ),
    (
        "no_progress",
        held(worker=MUTE, leased_at=NOW - 100),
        {"view": viewed(workers=(MUTE,), noted_at=None)},
    ),
]


def in_scene(group, so):
    return walk(group, facts(**so)), finding(group, facts(**so)), list(steps(group, facts(**so)))


@pytest.mark.parametrize(("code", "group", "so"), SCENES)
def test_a_cause_is_told_from_all_others(code, group, so):
    walked, found, chain = in_scene(group, so)
    assert walked.cause == code, walked.stop
    assert (found.code, found.progress) == (code, None)
    assert found.words
    assert found.fix
    answers = {each.cause: each.answer for each in chain}
    assert list(answers) == list(Cause), "all gates are told of, in their order"
    assert [cause for cause, each in answers.items() if each == "failed"] == [Cause(code)]
    behind = list(Cause).index(Cause(code))
    assert {answers[each] for each in list(Cause)[:behind]} <= {"passed"}


def test_every_cause_has_a_scene():
    assert {code for code, _, _ in SCENES} == {str(each) for each in Cause}


@pytest.mark.parametrize(
    "group",
    [QUEUED, ONE_WAY, held(), held(Stand.IN_FLIGHT), held(Stand.UNTOLD), held(Stand.SLOW)],
)
def test_where_nothing_is_wrong_nothing_is_found(group):
    walked, found, chain = in_scene(group, {})
    is_waiting = group.hand is None or group.hand.stand is Stand.WAITING
    assert walked.cause is None
    assert found.progress is (Progress.READY if is_waiting else Progress.IN_FLIGHT)
    assert not found.blocked
    assert {each.answer for each in chain} == {"passed"}
    assert all(each.words for each in chain), "each gate tells what it saw"


# What keeps one way shut leaves the other open.
@pytest.mark.parametrize(
    "so",
    [
        {"view": laned(suspended_until=math.inf)},
        {"view": laned(tat=NOW + 30), "configuration": LIMITED},
        {"view": down()},
        {"view": busy(), "configuration": ruled(max_connections=2)},
        {"view": viewed(workers=(replace(WORKER, unbindable=(IP,)),))},
        {"configuration": promo(SourceIp(address=IP, weight=0), SourceIp(address=OTHER))},
    ],
)
def test_what_has_another_way_is_not_held_up(so):
    assert walk(QUEUED, facts(**so)).cause is None


def test_the_gate_that_closes_the_last_way_is_the_cause_and_the_first_to_open_tells_when():
    view = viewed(
        lanes={
            **laned(suspended_until=NOW + 500).lanes,
            **laned(f"{OTHER}>a", tat=NOW + 30).lanes,
        }
    )
    walked = walk(QUEUED, facts(view, LIMITED))
    assert walked.cause is Cause.RATE_LIMITED
    assert walked.earliest_at == pytest.approx(NOW + 30, abs=0.01)
    assert set(walked.stop.evidence["source_ips"]) == {IP, OTHER}


def test_a_suspension_that_ends_before_the_retry_is_no_obstacle_to_it():
    view = laned(suspended_until=NOW + 500)
    assert walk(retrying(), facts(view)).cause is Cause.RETRY_LATER
    assert walk(retrying(due_at=NOW + 400), facts(view)).cause is Cause.LANE_SUSPENDED


def test_the_earliest_time_is_the_latest_that_any_gate_asks_for():
    group = retrying(due_at=NOW + 600)
    ahead = replace(group, delivery=replace(group.delivery, contact_at=NOW + 90))
    walked = walk(ahead, facts())
    assert (walked.cause, walked.earliest_at) == (Cause.CONTACT_DATE_AHEAD, NOW + 600)
    assert walked.also == (Cause.RETRY_LATER,)


def test_there_is_no_earliest_time_where_a_later_gate_needs_a_change():
    walked = walk(delivered(contact_at=NOW + 90), facts(view=NO_WORKERS))
    assert (walked.cause, walked.earliest_at) == (Cause.CONTACT_DATE_AHEAD, None)
    assert Cause.MTA_NOT_STARTED in walked.also


def test_what_expires_before_it_can_go_has_no_earliest_time():
    assert walk(delivered(contact_at=NOW + 90, expires_at=NOW + 80), facts()).earliest_at is None


def test_a_retry_that_no_attempt_fits_before_its_end_waits_for_its_end():
    group = retrying(due_at=QUEUED.delivery.expires_at)
    found = finding(group, facts())
    assert (found.code, found.earliest_at, found.blocked) == ("retry_later", None, False)
    assert "validity ends" in found.words


def test_a_deferral_shows_its_last_reply():
    last = Last(5, 2, "450 4.2.0 later", "not_defined", IP, NOW - 60)
    found = finding(retrying(last=last), facts())
    assert "450 4.2.0 later" in found.words
    assert found.evidence["attempts"] == 2
    assert found.earliest_at == NOW + 600


@pytest.mark.parametrize("changes", [{"status": DeliveryStatus.CANCELLED}, {"expires_at": NOW - 1}])
def test_what_is_about_to_be_ended_asks_for_nobody_but_the_scheduler(changes):
    group = delivered(affinity="prmo", **changes)
    found = finding(group, facts())
    assert (found.code, found.earliest_at) == ("ready", None)
    assert "about to be ended" in found.words
    assert walk(group, facts(view=viewed(services=()))).cause is Cause.SCHEDULER_NOT_RUNNING
    chain = list(steps(group, facts()))
    assert {each.words for each in chain if each.cause is Cause.AFFINITY_NOT_CONFIGURED} == {
        "not asked: it will not be sent"
    }


def test_a_worker_goes_on_without_a_scheduler():
    assert walk(held(Stand.IN_FLIGHT), facts(view=viewed(services=()))).cause is None


def test_when_a_dead_workers_lease_ends_it_goes():
    found = walk(held(worker=GONE), facts(view=viewed(workers=(GONE,))))
    assert found.earliest_at == GONE.heartbeat_at + 15


def test_a_scheduler_that_began_after_the_silence_must_listen_for_a_lease():
    young = replace(SCHEDULER, started_at=NOW - 2)
    found = walk(held(worker=GONE), facts(view=viewed(workers=(GONE,), services=(young,))))
    assert found.earliest_at == young.started_at + 15


def test_the_place_in_line_is_told():
    view = viewed(lent=(lent(messages=30), lent(messages=12, part=6)))
    found = finding(replace(ONE_WAY, ahead=8), facts(view=view))
    assert (found.code, found.evidence["ahead"]) == ("ready", 50)


def test_messages_in_hand_go_before_those_that_are_queued():
    limited = ruled(messages_per_hour=100)
    free = walk(ONE_WAY, facts(laned(tat=NOW + 30), limited)).earliest_at
    view = replace(laned(tat=NOW + 30), lent=(lent(messages=2),))
    assert walk(ONE_WAY, facts(view, limited)).earliest_at == pytest.approx(free + 72, abs=0.1)


def test_one_clock_of_two_that_is_wrong_is_no_cause():
    late = replace(WORKER, id=8, heartbeat_at=NOW - 60)
    assert walk(QUEUED, facts(view=viewed(workers=(WORKER, late)))).cause is None


def test_a_paused_delivery_names_who_paused_it():
    group = delivered(status=DeliveryStatus.PAUSED)
    found = finding(group, facts(pauses={1: (NOW - 120, "by an operator")}))
    assert found.words == "the delivery is paused (by an operator 2 min ago)"
    assert found.command == "mtalab resume 1"


def test_a_misspelt_affinity_is_answered_with_the_nearest():
    found = finding(delivered(affinity="prmo"), facts())
    assert "did you mean 'promo'?" in found.words
    assert found.evidence["nearest"] == "promo"


def test_the_mask_that_refused_is_named():
    masked = promo(
        SourceIp(address=IP, exclude=("a.test",)), SourceIp(address=OTHER, include=("b.test",))
    )
    found = finding(replace(QUEUED, planned=(), domain="a.test"), facts(configuration=masked))
    assert found.evidence["source_ips"] == {IP: "exclude a.test", OTHER: "include b.test"}
    assert found.words == "the masks of affinity 'promo' leave no source IP for a.test"


def test_what_only_others_work_will_open_is_not_blocked():
    for code, group, so in SCENES:
        found = in_scene(group, so)[1]
        moves = code in {
            *("connection_limit", "receiver_slow", "workers_busy", "behind_other_work"),
            *("concurrency_limit",),
        }
        assert not (moves and found.blocked), code
        assert found.blocked is False or found.earliest_at is None, code
