"""pause, resume, cancel and retry through their own entry point."""

import orjson
import pytest

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")


@pytest.fixture
def queued(lab):
    lab(*SUBMIT)
    return lab


def status(lab):
    [found] = lab("deliveries", "--json").json
    return found["status"]


def test_a_delivery_is_paused_resumed_and_cancelled(queued):
    assert queued("pause", 1).out == "delivery 1 is paused\n"
    assert status(queued) == "paused"
    assert queued("resume", 1, "--json").json == {"delivery": 1, "status": "start_pending"}
    assert queued("cancel", 1).out == "delivery 1 is cancelled\n"
    again = queued("resume", 1)
    assert again.code == 2
    assert "delivery 1 is cancelled and cannot be resumed" in again.err


def test_a_delivery_is_held_until_it_is_confirmed(lab):
    done = lab(*SUBMIT, "--hold")
    assert done.out.endswith("nothing is sent before `mtalab confirm 1`\n")
    assert status(lab) == "ready"
    assert lab("status", "--json").json["deliveries"][0]["status"] == "ready"
    assert lab("confirm", 1, "--json").json == {"delivery": 1, "status": "start_pending"}
    assert "cannot be confirmed" in lab("confirm", 1).err
    assert lab("confirm", 7).code == 2


def test_some_messages_are_cancelled(queued):
    assert queued("cancel", "--message", 1).out == "1 messages cancelled\n"
    found = queued("cancel", 1, "--domain", "gmail.*", "--json").json
    assert found["in_hand"] == 0
    assert found["cancelled"] > 1
    assert status(queued) == "start_pending"


def test_nothing_that_failed_is_no(queued):
    done = queued("retry", 1)
    assert (done.code, done.out) == (1, "pending again: 0\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pause", 7), "there is no delivery 7"),
        (("cancel", 7), "there is no delivery 7"),
        (("retry", 7), "there is no delivery 7"),
        (("retry", "--message", 777), "there is no message 777"),
        (("cancel",), "neither a delivery nor a message is named"),
        (("retry", 1, "--reason", "boredom"), "there is no reason 'boredom'"),
        (("retry", 1, "--validity", "soon"), "is no duration"),
    ],
)
def test_what_is_not_there_is_refused(queued, words, said):
    done = queued(*words)
    assert done.code == 2
    assert said in done.err


def test_what_an_operator_does_to_some_messages_is_in_the_audit(queued):
    cancelled = queued("cancel", 1, "--domain", "gmail.*", "--json").json["cancelled"]
    assert queued("cancel", 1, "--domain", "gmail.*").code == 1
    told = [each["text"] for each in queued("audit", "-d", 1, "--json").json]
    assert told[-1] == f"{cancelled} messages cancelled by an operator (domain gmail.*)"


def test_events_are_exported_once_each_with_kumomtas_names(queued):
    queued("cancel", 1, "--domain", "gmail.*")
    lines = [orjson.loads(line) for line in queued("export").out.splitlines()]
    assert {each["type"] for each in lines} == {"AdminBounce"}
    first = lines[0]
    assert first["queue"] == "gmail.test"
    assert first["egress_pool"] == "promo"
    assert first["response"] is None
    assert (first["from_status"], first["to_status"]) == ("pending", "cancelled")
    assert queued("export", "--after", lines[-2]["seq"]).out.count("\n") == 1
    assert queued("export", "--since", "1h", "--until", "30m").out == ""
    assert queued("export", "--delivery", 7).code == 2
