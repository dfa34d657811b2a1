"""Search: what a word means, and the one thing that it can mean."""

import pytest


def leads_to(served, word):
    answer = served.client.get("/search", params={"q": word})
    return answer.headers.get("location") if answer.status_code == 303 else None


def test_the_only_hit_is_shown_at_once(served):
    assert leads_to(served, "stuck") == "/deliveries/2"
    assert leads_to(served, " STUCK ") == "/deliveries/2"
    assert leads_to(served, "100") == "/messages/100"


def test_a_whole_address_leads_to_its_page(served):
    one = served.client.get("/api/v1/log", params={"limit": 1}).json()["messages"][0]
    assert leads_to(served, one["address"]).replace("%40", "@") == f"/recipients/{one['address']}"
    assert "Nothing found" in served.client.get("/search", params={"q": "no@home.test"}).text


@pytest.mark.parametrize(
    ("word", "heading"),
    [
        ("1", "Messages"),
        ("1", "Deliveries"),
        ("@full.test", "Recipients"),
        ("127.0.1", "Affinities and source IPs"),
        ("127.0.1.2/", "Lanes"),
        ("offers", "Received mails"),
    ],
)
def test_hits_stand_under_their_kind(served, word, heading):
    assert f"<h2>{heading}</h2>" in served.client.get("/search", params={"q": word}).text


def test_nothing_and_nothing_found_say_what_can_be_looked_for(served):
    assert "What do you look for?" in served.client.get("/search").text
    assert "Nothing found" in served.client.get("/search", params={"q": "<xyz>"}).text
    assert "<xyz>" not in served.client.get("/search", params={"q": "<xyz>"}).text


def test_the_api_finds_the_same(served):
    found = served.client.get("/api/v1/find", params={"q": "promo"}).json()
    assert found["affinities"] == ["promo"]
    ips = served.client.get("/api/v1/find", params={"q": "127.0.1.2"}).json()["source_ips"]
    assert ips == [{"source_ip": "127.0.1.2", "affinities": ["promo"]}]
    assert served.client.get("/api/v1/find", params={"q": "three"}).json()["mails"]


def test_the_search_of_the_header_leads_here_by_keyboard(served, tab):
    tab.goto(served.address)
    tab.keyboard.press("/")
    tab.keyboard.type("@full.test")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search?q=*")
    tab.locator("h1").click()
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/recipients/*")
    tab.get_by_role("link", name="Errors").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**?show=errors")
