"""Why mail of a delivery is pending, and the buttons that set it free."""

import re

import pytest

from mail.cause import Cause
from mail.states import DeliveryEvent, DeliveryStatus
from store import deliveries, operator
from tests.fakes.changeable_lab import changeable, queued


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    with changeable(tmp_path_factory.mktemp("own")) as found:
        yield found


def status(own, number):
    return own.lab.read(deliveries.get, number).status


def test_groups_have_cause_count_words_and_examples(served):
    text = served.client.get("/deliveries/2/pending").text
    assert 'id="affinity_not_configured"' in text
    assert "30 messages are pending" in text
    assert "needs a change" in text
    assert "No MTA instance is configured with affinity &#39;nobody&#39;" in text
    assert len(re.findall(r'<a href="/messages/\d+">', text)) == 3
    assert 'href="/causes#affinity_not_configured"' in text
    assert "data-post" not in text, "it was kept"


def test_deferred_mail_has_its_earliest_time(served):
    text = served.client.get("/deliveries/3/pending").text
    assert 'id="retry_later"' in text
    assert "452 4.2.2 The mailbox is full" in text
    assert "at the earliest" in text
    assert len(re.findall(r'<a href="/messages/\d+">', text)) == 3


def test_nothing_pending_says_so(served):
    assert "Nothing is pending" in served.client.get("/deliveries/1/pending").text


def test_the_catalogue_has_every_cause(served):
    text = served.client.get("/causes").text
    assert re.findall(r'<tr id="([a-z_]+)">', text) == [str(each) for each in Cause]


def test_the_head_offers_what_the_state_machine_allows(own):
    number = queued(own, hold=True).delivery_id

    def offered():
        head = own.client.get(f"/deliveries/{number}/head").text
        return re.findall(r'id="do-(\w+)"', head)

    assert offered() == ["confirm", "cancel"]
    own.lab.write(operator.steer, number, DeliveryEvent.CONFIRMED, own.lab.now(), "ann")
    assert offered() == ["pause", "cancel"]
    own.lab.write(operator.steer, number, DeliveryEvent.PAUSED, own.lab.now(), "ann")
    assert offered() == ["resume", "cancel"]
    own.lab.write(operator.steer, number, DeliveryEvent.CANCELLED, own.lab.now(), "ann")
    assert offered() == []


def test_a_held_delivery_is_confirmed_from_its_cause(own, tab):
    number = queued(own, hold=True).delivery_id
    tab.goto(f"{own.address}/deliveries/{number}/pending")
    asked = []
    tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    tab.get_by_role("button", name="Confirm the delivery").click()
    tab.locator("#scheduler_not_running").wait_for()
    assert asked == [f"Send delivery {number}?"]
    assert status(own, number) is DeliveryStatus.START_PENDING
    tab.locator("#delivery-head").get_by_text("start pending").wait_for()


def test_a_paused_delivery_is_resumed_and_cancelled_only_when_sure(own, tab):
    number = queued(own).delivery_id
    own.lab.write(operator.steer, number, DeliveryEvent.PAUSED, own.lab.now(), "ann")
    tab.goto(f"{own.address}/deliveries/{number}")
    tab.get_by_role("link", name="delivery paused").click()
    tab.get_by_role("button", name="Resume the delivery").click()
    tab.locator("#do-pause").wait_for()
    assert status(own, number) is DeliveryStatus.START_PENDING
    tab.once("dialog", lambda dialog: dialog.dismiss())
    tab.locator("#do-cancel").click()
    assert status(own, number) is DeliveryStatus.START_PENDING
    tab.once("dialog", lambda dialog: dialog.accept())
    tab.locator("#do-cancel").click()
    tab.locator("#delivery-head").get_by_text("cancelled", exact=True).wait_for()
