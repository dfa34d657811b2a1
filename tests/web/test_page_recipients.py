"""Recipients: who fails, one address with all of its mail, and the release after an outage."""

import html as markup

import pytest

from tests.fakes.web_server import serving


def bounced(served):
    """An address that is quarantined, as its mail came back."""
    return served.client.get("/api/v1/bounces", params={"limit": 1}).json()["bounces"][0]


def listed(served, **params):
    answer = served.client.get("/recipients", params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_list_is_narrowed_by_status_reason_and_domain(served):
    full = listed(served, reason="mailbox_full")
    assert full.count("<tr data-href") == 20
    assert "20 addresses match" in full
    assert "@full.test" not in listed(served, status="quarantined")
    assert "No address matches" in listed(served, domain="nowhere.test")
    assert listed(served, q="@FULL").count("<tr data-href") == 20


def test_what_means_nothing_is_told_on_the_page(served):
    assert "is no time" in markup.unescape(listed(served, since="soon"))


def test_a_whole_address_leads_to_its_page(served):
    address = bounced(served)["address"]
    answer = served.client.get("/recipients", params={"q": address})
    assert answer.status_code == 303
    page = served.client.get(answer.headers["location"])
    assert f'<h1 class="words">{address}</h1>' in page.text


@pytest.mark.parametrize(
    ("show", "row"),
    [("log", "message-"), ("bounces", "bounce-"), ("errors", "error-")],
)
def test_each_tab_of_an_address_has_its_lines(served, show, row):
    address = bounced(served)["address"]
    html = served.client.get(f"/recipients/{address}", params={"show": show}).text
    assert f'<tr id="{row}' in html
    assert "quarantined" in html


def test_its_tracking_is_that_of_its_messages(served):
    entry = served.client.get("/api/v1/tracking", params={"limit": 1}).json()["entries"][0]
    html = served.client.get(f"/recipients/{entry['address']}?show=tracking").text
    assert f'id="tracking-{entry["id"]}"' in html
    own = served.client.get("/api/v1/tracking", params={"address": entry["address"]}).json()
    assert html.count('<tr id="tracking-') == len(own["entries"])


def test_an_address_of_which_nothing_is_known(served):
    answer = served.client.get("/recipients/nobody@home.test")
    assert answer.status_code == 404
    assert "Nothing is known of this address" in answer.text
    assert served.client.get("/recipients/no address").status_code == 303


def release(served, **wanted):
    return served.client.post("/api/v1/addresses/release", json=wanted)


def test_an_outage_is_released_after_a_look_at_how_many(changeable):
    with serving(changeable) as served:
        page = listed(served, domain="full.test", status="with_errors")
        assert "Release 20" in page
        assert 'name="domain" value="full.test"' in page
        wanted = {"domain": "full.test", "reason": "mailbox_full"}
        count = release(served, **wanted, dry_run=True).json()
        assert count == {"released": 0, "matching": 20, "dry_run": True}
        assert release(served, **wanted).json()["released"] == 20
        assert release(served, **wanted).json()["released"] == 0
        assert served.client.get("/api/v1/addresses").json()["counts"]["valid"] == 20
        told = served.client.get("/api/v1/audit", params={"limit": 1}).json()["entries"][-1]
        assert "20 addresses were made valid" in told["text"]


def test_a_release_that_says_not_which_is_refused(changeable):
    with serving(changeable) as served:
        before = served.client.get("/api/v1/addresses").json()["counts"]
        for wanted in ({}, {"status": "quarantined"}, {"status": "valid", "domain": "home.test"}):
            assert release(served, **wanted).status_code == 422
        assert served.client.get("/api/v1/addresses").json()["counts"] == before
        assert "Release" not in listed(served), "nothing is chosen"


def test_an_address_is_released_on_its_page(changeable, tab):
    with serving(changeable) as served:
        address = bounced(served)["address"]
        tab.on("dialog", lambda asked: asked.accept())
        tab.goto(f"{served.address}/recipients/{address}")
        tab.get_by_role("button", name="Release").click()
        tab.get_by_text("released by hand").wait_for()


def test_the_form_of_a_release_asks_first_and_sends_what_is_chosen(changeable, tab):
    with serving(changeable) as served:
        asked = []
        tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
        tab.goto(f"{served.address}/recipients?q=@full&reason=mailbox_full")
        tab.get_by_label("Why").fill("the provider's disk was full")
        tab.keyboard.press("Enter")
        tab.locator("td .status.valid").first.wait_for()
        assert asked == ["Release 20 addresses?"]
        one = served.client.get("/api/v1/addresses", params={"status": "valid"}).json()
        assert one["matching"] == 20
        assert one["addresses"][0]["text"] == "the provider's disk was full"
