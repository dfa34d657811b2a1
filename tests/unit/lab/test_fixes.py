"""Every cause has an entry; every button is a request that our API takes."""

from dataclasses import replace

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.routing import Match

from affinity.configuration import MtaInstance, Route
from lab.web.api import configuration, operating, sinks, steering
from lab.web.fixes import ON_ITS_WAY, REMEDIES, fixes_of
from lab.web.navigation import PLACES
from lab.web.remedy import Around, Mends
from mail.cause import Cause, Progress
from monitor.why.diagnosis import finding
from store import halts
from tests.fakes.pending_scene import NOW, QUEUED, WORKER, configured, delivered, facts, retrying
from tests.fakes.pending_scene import viewed as seen
from tests.unit.monitor.test_why_gates import SCENES

API = "/api/v1"
OURS = [
    each
    for module in (steering, operating, configuration, sinks)
    for each in module.router.routes
    if isinstance(each, APIRoute)
]
STOPPED = (
    "affinity_on_stopped_mta",
    delivered(affinity="promo"),
    {
        "view": seen(
            workers=(replace(WORKER, instance="m2", affinities=("news",)),),
            instances=(),
            halts={"m1": halts.Halt(NOW - 60, "ann")},
        ),
        "configuration": configured(
            mta={
                "m1": MtaInstance(affinities=("promo",)),
                "m2": MtaInstance(affinities=("news",)),
            }
        ),
    },
)
ALL_SCENES = [*SCENES, STOPPED]


def fixed(group, so, personalities=None):
    scene = facts(**so)
    return fixes_of(finding(group, scene), Around(scene.configuration, personalities or {}))


def route_of(fix):
    scope = {"type": "http", "path": fix.path.removeprefix(API), "method": fix.method}
    found = [each for each in OURS if each.matches(scope)[0] is Match.FULL]
    assert len(found) == 1, f"{fix.method} {fix.path}"
    return found[0]


def test_every_cause_and_progress_has_an_entry():
    assert set(REMEDIES) == set(Cause)
    assert set(ON_ITS_WAY) == set(Progress)
    for each in REMEDIES.values():
        assert each.what.endswith(".")
        assert each.how.endswith(".")
        assert not each.page or each.page in {place.path for place in PLACES}


@pytest.mark.parametrize(("code", "group", "so"), ALL_SCENES)
def test_a_button_is_a_request_that_the_api_takes(code, group, so):
    for fix in fixed(group, so):
        assert fix.label
        assert fix.path.startswith(API)
        route = route_of(fix)
        if fix.body:
            TypeAdapter(route.body_field.field_info.annotation).validate_python(dict(fix.body))


def test_what_a_button_is_said_to_mend_has_one():
    with_button = {Cause(code) for code, group, so in ALL_SCENES if fixed(group, so)}
    said = {cause for cause, each in REMEDIES.items() if each.mends is Mends.BUTTON}
    assert with_button == said


@pytest.mark.parametrize(
    ("code", "nth", "label", "body"),
    [
        ("delivery_not_confirmed", 0, "Confirm the delivery", {}),
        ("delivery_paused", 0, "Resume the delivery", {}),
        ("wave_not_due", 0, "Start wave 2 now", {}),
        ("concurrency_limit", 0, "Allow 3 deliveries at once",
         {"set": {"scheduler.max_deliveries": 3}}),
        ("lane_suspended", 0, "Resume lane 127.0.1.1/a", {"lane": "127.0.1.1/a"}),
        ("affinity_on_stopped_mta", 1, "Start mta@m1", {}),
        ("mta_not_started", 1, "Start mta@m1", {}),
        ("affinity_not_configured", 1, "Give news to mta@m1",
         {"set": {"mta.m1.affinities": ["promo", "news"]}}),
        ("source_ips_weightless", 0, "Give 127.0.1.1 weight 1",
         {"set": {"affinity.promo.ip.0.weight": 1}}),
        ("no_mx", 0, "Send mail to b.test by route a",
         {"set": {"route.a.domains": ["a.test", "b.test"]}}),
        ("worker_stalled", 0, "Stop mta@m1", {}),
    ],
)  # fmt: skip
def test_what_a_button_does(code, nth, label, body):
    _, group, so = [each for each in ALL_SCENES if each[0] == code][nth]
    first = fixed(group, so)[0]
    assert (first.label, dict(first.body)) == (label, body)


def test_an_affinity_that_is_not_defined_cannot_be_added():
    assert fixed(delivered(affinity="prmo"), {}) == ()


def test_our_own_sink_is_had_accept_unless_it_does():
    own = configured(route={"a": Route(domains=("a.test",), sink="full")})
    group = retrying(waits_for=Cause.RETRY_LATER)
    [fix] = fixed(group, {"configuration": own}, {"full": "full_mailboxes"})
    assert (fix.method, fix.path) == ("PUT", "/api/v1/sinks/full/personality")
    assert fix.body == {"personality": "accept"}
    assert route_of(fix)
    assert fixed(group, {"configuration": own}, {"full": "accept"}) == ()
    assert fixed(group, {"configuration": own}) == (), "the sinks do not run"
    assert fixed(group, {}, {"full": "full_mailboxes"}) == (), "the receiver is another"


def test_all_lanes_of_a_destination_are_resumed_at_once():
    _, group, so = next(
        each for each in ALL_SCENES if each[0] == "lane_suspended" and each[1] is QUEUED
    )
    assert [each.body["lane"] for each in fixed(group, so)][-1] == "a"
