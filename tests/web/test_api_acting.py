"""What the API does to deliveries, messages, lanes and instances; the audit tells of it."""

import pytest

from store import audit
from tests.fakes.changeable_lab import changeable, queued
from tests.store.hand import REFUSED, Hand


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A lab that these tests change; each makes its own delivery."""
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


@pytest.fixture
def delivery(own):
    return queued(own).delivery_id


def post(own, path, status=200, **body):
    answer = own.client.post("/api/v1" + path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def ask(own, path, **params):
    answer = own.client.get("/api/v1" + path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(own, delivery=None):
    return [each.text for each in own.lab.read(audit.entries, delivery_id=delivery, limit=5)]


def refuse_all(own, delivery):
    """A worker that comes and is refused everything."""
    hand = Hand(own.lab.store, own.lab.clock)
    author = hand.worker()
    for lent in hand.lease(author):
        if lent.delivery_id == delivery:
            hand.settle(author, hand.outcomes(lent, REFUSED), finished=[lent])
        else:
            hand.settle(author, released=[lent])


def test_a_delivery_is_paused_resumed_and_cancelled(own, delivery):
    path = f"/deliveries/{delivery}"
    assert post(own, path + "/pause") == {"delivery": delivery, "status": "paused"}
    assert post(own, path + "/resume")["status"] == "start_pending"
    assert post(own, path + "/cancel") == {"delivery": delivery, "status": "cancelled"}
    assert told(own, delivery)[-1].endswith("by the page or API")
    refused = post(own, path + "/resume", 409)
    assert refused["type"] == "urn:mtalab:problem:cannot_now"


def test_a_held_delivery_is_confirmed(own):
    held = queued(own, hold=True).delivery_id
    assert post(own, f"/deliveries/{held}/confirm")["status"] == "start_pending"


def test_some_messages_of_a_delivery_are_cancelled(own, delivery):
    done = post(own, f"/deliveries/{delivery}/cancel", domain="gmail.*")
    assert done["status"] == "start_pending"
    assert done["in_hand"] == 0
    assert told(own, delivery)[-1] == (
        f"{done['cancelled']} messages cancelled by the page or API (domain gmail.*)"
    )


def test_one_message_is_cancelled(own, delivery):
    [message] = ask(own, "/log", delivery=delivery, limit=1)["messages"]
    assert post(own, f"/log/{message['id']}/cancel") == {"cancelled": 1, "in_hand": 0}
    assert post(own, f"/log/{message['id']}/cancel") == {"cancelled": 0, "in_hand": 0}
    last = ask(own, f"/log/{message['id']}")["transitions"][-1]
    assert last["text"] == "by the page or API"


def test_failed_messages_are_retried(own, delivery):
    refuse_all(own, delivery)
    path = f"/deliveries/{delivery}"
    assert post(own, path + "/retry", domain="gmail.*", reason="mailbox_full") == {"retried": 0}
    some = post(own, path + "/retry", domain="gmail.*", validity="2h")["retried"]
    [message] = ask(own, "/log", delivery=delivery, status="failed", limit=1)["messages"]
    assert post(own, f"/log/{message['id']}/retry") == {"retried": 1}
    assert told(own, delivery)[-1] == (
        f"1 messages retried by the page or API (message {message['id']})"
    )
    left = post(own, path + "/retry")["retried"]
    counts = ask(own, path)["counts"]
    assert counts["failed"] == 0
    assert counts["pending"] == some + 1 + left


def test_parts_are_read_page_by_page(own, delivery):
    every = ask(own, f"/deliveries/{delivery}/parts")["parts"]
    first = ask(own, f"/deliveries/{delivery}/parts", limit=1)
    second = ask(own, f"/deliveries/{delivery}/parts", limit=1, cursor=first["next"])
    assert first["parts"] + second["parts"] == every[:2]
    found = ask(own, f"/deliveries/{delivery}")
    assert sum(each["messages"] for each in every) == found["counts"]["pending"]


def test_waves_are_listed_and_started_early(own):
    number = queued(own, waves="50%:1h").delivery_id
    first, second = ask(own, f"/deliveries/{number}/waves")["waves"]
    assert first["started_at"] is not None
    assert second["started_at"] is None
    assert post(own, f"/deliveries/{number}/waves/2/start")["started_at"] is not None
    assert post(own, f"/deliveries/{number}/waves/2/start", 409)["title"] == "Cannot now"
    assert post(own, f"/deliveries/{number}/waves/9/start", 404)["title"] == "Unknown wave"
    assert "by the page or API" in told(own, number)[-1]


def test_lanes_are_suspended_and_resumed(own):
    done = post(own, "/lanes/suspend", lane="gmail", because="  their   outage ", **{"for": "10m"})
    assert {each["because"] for each in done["lanes"]} == {"their outage"}
    assert all(each["suspended_until"] for each in done["lanes"])
    assert any("for 10 min by the page or API" in each for each in told(own))
    names = sorted(each["lane"] for each in done["lanes"])
    assert sorted(post(own, "/lanes/resume", lane="gmail")["resumed"]) == names
    assert post(own, "/lanes/resume", lane="gmail") == {"resumed": []}
    [forever] = post(own, "/lanes/suspend", lane="127.0.1.1/yahoo")["lanes"]
    assert forever["suspended_until"] is None
    post(own, "/lanes/resume", lane="yahoo")


def test_an_instance_is_stopped_and_started(own):
    found = post(own, "/instances/promo1/stop")
    assert found == {"instance": "promo1", "changed": True, "workers": 0}
    assert not post(own, "/instances/promo1/stop", within="1s")["changed"]
    [line] = [each for each in ask(own, "/instances")["instances"] if each["name"] == "promo1"]
    assert (line["state"], line["halted_by"]) == ("stopped by hand", "the page or API")
    assert post(own, "/instances/promo1/start")["changed"]


def test_the_plan_is_that_of_the_command(own, delivery):
    found = ask(own, "/plan")
    assert found["ok"]
    assert found["changes"] == []
    assert found["pending"] >= ask(own, f"/deliveries/{delivery}")["counts"]["pending"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/deliveries/999/pause", {}, 404, "there is no delivery 999"),
        ("/deliveries/999/retry", {}, 404, "there is no delivery 999"),
        ("/deliveries/999/cancel", {"domain": "a.test"}, 404, "there is no delivery 999"),
        ("/log/99999/retry", {}, 404, "there is no message 99999"),
        ("/log/99999/cancel", {}, 404, "there is no message 99999"),
        ("/lanes/suspend", {"lane": "nowhere"}, 404, "there is no lane 'nowhere'"),
        ("/lanes/suspend", {"lane": "gmail", "for": "0s"}, 422, "'0s' has no length"),
        ("/lanes/suspend", {"lane": "gmail", "for": "long"}, 422, "'long' is no duration"),
        ("/lanes/suspend", {"lane": "gmail", "for": "999999999d"}, 422, "is too long"),
        ("/instances/nobody/stop", {}, 404, "there is no MTA instance 'nobody'"),
        ("/instances/promo1/stop", {"within": "10m"}, 422, "10m is too long"),
        ("/lanes/suspend", {"lane": "gmail", "until": "10m"}, 422, "body.until"),
    ],
)
def test_what_cannot_be_done_is_refused(own, path, body, status, said):
    assert said in post(own, path, status, **body)["detail"]


def test_a_bad_reason_is_refused(own, delivery):
    path = f"/deliveries/{delivery}/retry"
    assert "there is no reason" in post(own, path, 422, reason="boredom")["detail"]
