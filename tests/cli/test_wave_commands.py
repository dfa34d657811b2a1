"""submit --waves, wave list and wave start through their own entry point."""

import pytest

SUBMIT = ("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")


def test_a_delivery_is_submitted_in_waves(lab):
    done = lab(*SUBMIT, "--waves", "40%:6h", "--json").json
    assert [each["messages"] for each in done["waves"]] == [6, 6, 3]
    first, second, third = lab("wave", "list", 1, "--json").json
    assert first["started_at"] == first["starts_at"]
    assert second["started_at"] is None
    assert third["starts_at"] - first["starts_at"] == 12 * 3600
    started = lab("wave", "start", 1, 3)
    assert started.out == "wave 3 of delivery 1 is started: 3 messages\n"
    assert lab("wave", "list", 1, "--json").json[2]["started_at"] is not None
    again = lab("wave", "start", 1, 3)
    assert (again.code, "has begun already" in again.err) == (2, True)
    assert "has no wave 9: it has 3" in lab("wave", "start", 1, 9).err


def test_people_read_when_each_wave_begins(lab):
    out = lab(*SUBMIT, "--waves", "0s=1,6h=rest").out.splitlines()
    assert out[1].startswith("wave 1: 1 messages from 20")
    assert out[2].startswith("wave 2: 14 messages from 20")
    assert len(lab("wave", "list", 1).out.splitlines()) == 6
    lab(*SUBMIT)
    assert lab("wave", "list", 2).out == "delivery 2 goes in one\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("often", "--waves: 'often' makes no waves"),
        ("0s=20%,1h=20%", "expected shares of 100 % together, got 40 %"),
        ("0s=2,1h=2", "the waves hold 4 of 15 recipients"),
        (
            "10%:1d",
            "the last of 10 waves would begin 9 d after the contact date, when the validity of "
            "5 d is over",
        ),
    ],
)
def test_waves_that_cannot_be_are_refused_and_nothing_is_submitted(lab, text, said):
    done = lab(*SUBMIT, "--waves", text)
    assert done.code == 2
    assert said in done.err
    assert lab("deliveries", "--json").json == []
