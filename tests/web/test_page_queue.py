"""The queue by age and cause, now and as it was."""

import html
import re

import pytest


def test_what_waits_is_counted_by_cause_and_affinity(served):
    text = served.client.get("/queue").text
    assert "<strong>50</strong> pending" in text
    assert 'href="/causes#affinity_not_configured">affinity not configured</a>' in text
    assert re.search(r'class="right heat-5"><a href="[^"]+">30</a></td>', text)


@pytest.mark.parametrize("by", ["cause", "affinity", "delivery", "mx-group", "domain"])
def test_each_row_of_a_kind(served, by):
    answer = served.client.get("/queue", params={"by": by})
    assert answer.status_code == 200
    assert f'href="/queue?by={by}" aria-current="page"' in answer.text
    assert "<strong>50</strong> pending" in answer.text


def test_deliveries_lead_to_their_pending_page(served):
    assert (
        'href="/deliveries/2/pending">2 stuck</a>' in served.client.get("/queue?by=delivery").text
    )


def test_cells_lead_to_deliveries_and_those_to_messages(served):
    text = served.client.get("/queue?by=cause").text
    (cell, *_) = re.findall(r'heat-5"><a href="(/queue\?cause=[^"]+)">\d+</a>', text)
    text = served.client.get(cell).text
    assert 'Only cause affinity not configured. <a href="/queue">' in text
    assert "<strong>30</strong> pending" in text
    (cell, *_) = re.findall(r'heat-5"><a href="([^"]+)">30</a>', text)
    assert re.fullmatch(r"/deliveries/\d+/pending#affinity_not_configured", cell)
    assert 'id="affinity_not_configured"' in served.client.get(cell).text
    text = served.client.get("/queue?by=delivery").text
    assert 'href="/deliveries/2/log?status=pending"' in text


def test_what_nothing_has_is_not_said_to_be_nothing_at_all(served):
    assert "Nothing like that is pending" in served.client.get("/queue?group=nowhere").text


def test_rows_of_the_past_keep_their_time(served):
    text = served.client.get("/queue/then", params={"at": "1h", "by": "affinity"}).text
    (cell, *_) = re.findall(r'total"><a href="(/queue\?affinity=[^"]+as_of=[^"]+)"', text)
    assert "were pending at" in served.client.get(html.unescape(cell)).text
    assert 'href="/queue?by=cause&amp;as_of=1h"' in served.client.get("/queue?as_of=1h").text


def test_how_it_was_at_a_time_is_in_the_address(served):
    text = served.client.get("/queue", params={"as_of": "119m"}).text
    assert re.search(r'data-said="[^"]+: \d+ pending"', text)
    part = served.client.get("/queue/then", params={"at": "1h", "by": "delivery"}).text
    assert "<html" not in part
    assert "2 stuck" in part


def test_what_lies_ahead_is_now_and_what_is_no_time_is_refused(served):
    assert "were pending" in served.client.get("/queue/then", params={"at": "9999999999"}).text
    assert served.client.get("/queue/then", params={"at": "soon"}).status_code == 422
    assert served.client.get("/queue/then").status_code == 422


def test_the_slider_goes_back_by_keyboard_and_the_address_follows(served, tab):
    tab.goto(served.address + "/queue?by=cause")
    tab.get_by_label("As of").focus()
    with tab.expect_response("**/queue/then*"):
        tab.keyboard.press("Home")
    tab.locator("#then .then").wait_for()
    assert "as_of=" in tab.url
    assert "by=cause" in tab.url
    with tab.expect_response("**/queue/then*"):
        tab.get_by_role("button", name="Later").click()
