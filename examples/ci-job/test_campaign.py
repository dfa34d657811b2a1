"""Does the campaign arrive as it was meant, and is every message accounted for?"""

from pathlib import Path

import pytest

from mtalab import UnknownField

CAMPAIGN = Path(__file__).with_name("campaign.eml")


def people(count):
    for number in range(count):
        yield {
            "address": f"customer{number}@mail.test",
            "first_name": f"Nº {number}",
            "discount": f"{10 + number % 3 * 5} %",
        }


def test_every_customer_gets_their_own_discount(mtalab_lab):
    delivery = mtalab_lab.submit(message=CAMPAIGN, recipients=people(200), affinity="default")
    assert mtalab_lab.wait(delivery).counts["sent"] == 200
    got = {each.rcpt_to[0]: each for each in mtalab_lab.inbox(limit=200)}
    for person in people(200):
        message = got[person["address"]]
        assert message.subject == f"{person['first_name']}, {person['discount']} off all lamps"
        assert f"are {person['discount']} cheaper" in message.text
    assert mtalab_lab.reconcile().ok


def test_a_missing_field_is_found_before_anything_is_sent(mtalab_lab):
    with pytest.raises(UnknownField, match="discount"):
        mtalab_lab.submit(
            message=CAMPAIGN,
            recipients=[{"address": "ada@mail.test", "first_name": "Ada"}],
            affinity="default",
        )
