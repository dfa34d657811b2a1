"""What a reader gets, and when."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtalab_pytest import assert_all_sent, assert_pending_because
from scheduler import next_morning
from tracking import reader, token, tracked

LETTER = (Path(__file__).parents[1] / "letter.eml").read_text()
SATURDAY = datetime(2026, 1, 10, 12, tzinfo=UTC)


def test_every_reader_gets_links_of_their_own(lab):
    readers = [reader(f"reader{number}@mail.test") for number in range(50)]
    lab.submit(affinity="letters", message=tracked(LETTER), recipients=readers)
    assert_all_sent(lab)
    for got in lab.inbox():
        (address,) = got.rcpt_to
        assert got.text == f"They are here: https://shop.example/go/{token(address)}/lamps\n"


@pytest.mark.mtalab(begins=SATURDAY)
def test_a_letter_of_a_weekend_goes_on_monday_morning(lab):
    letter = lab.submit(affinity="letters", contact=next_morning(SATURDAY))
    lab.run_for("1d")
    assert_pending_because(lab, "contact_date_ahead", 10)
    assert_all_sent(lab, within="1d")
    sent_at = datetime.fromtimestamp(lab.delivery(letter).started_at, UTC)
    assert sent_at.strftime("%A %H:%M") == "Monday 09:00"


def test_a_receiver_that_greylists_has_it_within_the_hour(lab):
    letter = lab.submit(affinity="letters", domains="gmail.test")
    lab.run_for("10s")
    assert_pending_because(lab, "greylisted", 10, delivery=letter)
    assert_all_sent(lab, within="1h")
    assert {each.source_ip for each in lab.messages(letter)} == {"127.0.1.1"}


@pytest.mark.mtalab(real=True)
def test_the_same_over_real_connections(lab):
    lab.submit(affinity="letters", message=tracked(LETTER), recipients=[reader("ada@mail.test")])
    assert_all_sent(lab)
    (got,) = lab.inbox(recipient="ada@mail.test")
    assert token("ada@mail.test") in got.text
