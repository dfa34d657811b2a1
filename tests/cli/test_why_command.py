"""``mtalab why``: by cause, by message, by lane."""

import pytest


@pytest.fixture
def queued(lab):
    """A lab that does not run, with mail in its queue."""
    assert lab("submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo").code == 0
    return lab


def test_all_that_is_pending_by_cause(queued):
    done = queued("why", "--json")
    assert done.code == 1
    assert done.json["pending"] == 15
    assert done.json["causes"] == {"scheduler_not_running": 15}
    group = done.json["groups"][0]
    assert group["code"] == group["cause"] == "scheduler_not_running"
    assert group["progress"] is None
    assert group["command"] == "mtalab up"
    assert group["blocked"] is True
    assert group["earliest_at"] is None
    assert queued("why", "--all", "--json").json["groups"] == done.json["groups"]
    told = queued("why").out
    assert "15 messages are pending." in told
    assert "scheduler_not_running  15 messages" in told
    assert "$ mtalab up" in told


def test_a_paused_delivery_names_its_mend(queued):
    queued("pause", "1")
    done = queued("why", "--delivery", "1", "--json")
    assert done.json["causes"] == {"delivery_paused": 15}
    assert {each["command"] for each in done.json["groups"]} == {"mtalab resume 1"}
    assert "scheduler_not_running" in done.json["groups"][0]["also"]


def test_one_message_is_shown_at_each_gate(queued):
    done = queued("why", "3", "--json")
    assert done.code == 1
    assert done.json["message"] == {"id": 3, "delivery_id": 1, "status": "pending"}
    answers = {each["cause"]: each["answer"] for each in done.json["chain"]}
    assert len(answers) == 34
    assert answers["delivery_paused"] == "passed"
    assert answers["scheduler_not_running"] == "failed"
    assert answers["rate_limited"] == "not reached"
    told = queued("why", "3").out
    assert "not reached" in told
    assert "scheduler_not_running: no scheduler is running" in told


def test_what_is_over_waits_for_nothing(queued):
    assert queued("cancel", "1", "--domain", "*").code == 0
    done = queued("why", "1", "--json")
    assert done.json["message"]["status"] == "cancelled"
    assert (done.json["pending"], done.json["groups"], done.code) == (0, [], 0)
    assert "It waits for nothing." in queued("why", "1").out
    assert "Nothing is pending." in queued("why").out


def test_a_lane_shows_what_it_can_let_through(queued):
    done = queued("why", "--lane", "127.0.1.1/gmail", "--json")
    [lane] = done.json["lanes"]
    assert lane["lane"] == "127.0.1.1>gmail"
    assert lane["messages_per_hour"] <= 36_000
    assert "messages_per_hour = 36000" in lane["setting"]
    assert {each["mx_group"] for each in done.json["groups"]} == {"gmail"}
    assert "at most" in queued("why", "--lane", "gmail").out


def test_two_questions_and_unknown_numbers_are_refused(queued):
    for words in (["1", "--all"], ["--delivery", "1", "--lane", "gmail"]):
        done = queued("why", *words)
        assert done.code == 2
        assert "different questions" in done.err
    assert queued("why", "999").code == 2
    assert queued("why", "--delivery", "9").code == 2
