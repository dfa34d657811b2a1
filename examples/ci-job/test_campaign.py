"""Does the campaign arrive as it was meant, and is every message accounted for?"""

from pathlib import Path

import pytest

from mtalab_pytest import LabError, assert_all_sent

CAMPAIGN = Path(__file__).with_name("campaign.eml")


@pytest.fixture(scope="module")
def lab(mtalab):
    """Real processes and real SMTP, started once for these tests."""
    with mtalab.lab(real=True) as lab:
        yield lab


def people(count):
    for number in range(count):
        yield {
            "address": f"customer{number}@mail.test",
            "first_name": f"Nº {number}",
            "discount": f"{10 + number % 3 * 5} %",
        }


def test_every_customer_gets_their_own_discount(lab):
    campaign = lab.submit(message=CAMPAIGN, recipients=people(200))
    assert_all_sent(lab, delivery=campaign)
    got = {each.rcpt_to[0]: each for each in lab.inbox()}
    for person in people(200):
        message = got[person["address"]]
        assert message.subject == f"{person['first_name']}, {person['discount']} off all lamps"
        assert f"are {person['discount']} cheaper" in message.text
    lab.expect(lost=0, duplicates=0)


def test_a_missing_field_is_found_before_anything_is_sent(lab):
    with pytest.raises(LabError, match="discount"):
        lab.submit(
            message=CAMPAIGN,
            recipients=[{"address": "ada@mail.test", "first_name": "Ada"}],
        )
