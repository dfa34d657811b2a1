"""The list of deliveries, and the pages of one: each tab an address of its own."""

import re

import pytest

from store import audit, log
from store.log import Filter


def page(served, path, answered=200, **params):
    answer = served.client.get(path, params=params or None)
    assert answer.status_code == answered, answer.text
    return answer.text


def live(text):
    return text.split('<div id="live"')[1]


def test_the_list_is_narrowed_by_its_address(served):
    text = page(served, "/")
    assert text.index(">put off<") < text.index(">stuck<") < text.index(">offers<")
    text = page(served, "/", label="STU", status="")
    assert '<a href="/deliveries/2">stuck</a>' in text
    assert 'href="/deliveries/1"' not in text
    assert 'value="STU"' in text
    text = page(served, "/", status="finished")
    assert re.findall(r'id="delivery-(\d+)"', text) == ["1"]
    assert "No delivery is like that" in page(served, "/", label="<b>")
    assert re.findall(r'id="delivery-(\d+)"', page(served, "/", cursor=3)) == ["2", "1"]
    page(served, "/", 422, status="lost")


TABS = ("", "/content", "/log", "/tracking", "/audit", "/pending")


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("end", TABS)
def test_each_tab_says_where_it_is(served, number, end):
    text = page(served, f"/deliveries/{number}{end}")
    [current] = re.findall(
        r'<a href="(/deliveries/[^"]*)" aria-current="page"',
        text.split('delivery-tabs">')[1].split("</ul>")[0],
    )
    assert current == f"/deliveries/{number}{end}"
    assert text.count("<h1") == 1
    assert len(text) < 60_000
    assert "style=" not in text
    assert "data-post" not in text, "it was kept: nothing acts"
    page(served, f"/deliveries/99{end}", 404)


def test_what_is_live_comes_alone_for_each_tab(served):
    for end in TABS:
        answer = served.client.get(f"/deliveries/3{end}", headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert "<form" not in answer.text, "what is typed would be disturbed"
    assert "<h1" not in page(served, "/deliveries/3/head")


def test_the_summary_counts_and_names_its_limits(served):
    text = live(page(served, "/deliveries/1"))
    for figure in ("<dd>60<small>of 60 submitted", ">48<small>80.0%", ">12<small>20.0%"):
        assert figure in text
    assert '127.0.1.1</span> <span class="dim">66.7%' in text
    assert "mta@m1" in text
    assert "until <time" in text
    assert "(5 d)" in text
    assert "/deliveries/1/log?status=failed&amp;reason=user_unknown" in text
    assert "polyline points=" in text
    text = live(page(served, "/deliveries/2"))
    assert "none has its affinity" in text
    assert "Nothing of it went out yet" in text


def test_the_summary_tells_in_words_what_is_pending(served):
    assert page(served, "/deliveries/1/pending/words") == ""
    text = page(served, "/deliveries/2/pending/words")
    assert "30 pending" in text
    assert "/deliveries/2/pending#affinity_not_configured" in text
    assert "only if something is changed" in text


def test_the_log_is_narrowed_by_its_address(served):
    text = page(served, "/deliveries/1/log", status="failed", reason="user_unknown", address="")
    assert len(re.findall(r'id="message-\d+"', text)) == 12
    assert 'href="/deliveries/1/log?status=sent"' in text
    text = page(served, "/deliveries/1/log", address="USER1@HOME.TEST")
    assert re.findall(r'id="message-(\d+)"', text) in (["1"], []), "the local part counts case"
    text = page(served, "/deliveries/1/log", address="user1@home.test", ip="127.0.1.1")
    assert len(re.findall(r'id="message-\d+"', text)) <= 1
    assert "No message is like that" in page(served, "/deliveries/1/log", domain="no.test")
    assert 'id="wrong"' in page(served, "/deliveries/1/log", address="<nobody")
    page(served, "/deliveries/1/log", 422, reason="weather")


def test_the_log_goes_on_page_by_page(served):
    seen, path = [], "/deliveries/1/log?domain=*.test"
    while path:
        text = page(served, path)
        seen += map(int, re.findall(r'id="message-(\d+)"', text))
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following and following[1].replace("&amp;", "&")
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 60


def test_the_content_is_made_for_a_recipient(served):
    text = page(served, "/deliveries/1/content")
    assert 'sandbox src="/deliveries/1/content/preview?message=1"' in text
    assert "Three offers for you" in text
    other = served.lab.read(log.messages, Filter(delivery_id=1), after_id=30, limit=1)[0]
    text = page(served, "/deliveries/1/content", address=other.address, show="headers")
    assert f"preview?message={other.id}" not in text
    assert f"&lt;1.{other.id}" in text or f"1-{other.id}" in text
    assert "List-Id" in text
    assert other.address in text
    assert "No message of this delivery is to" in page(
        served, "/deliveries/1/content", address="nobody@home.test"
    )
    assert 'id="wrong"' in page(served, "/deliveries/1/content", address="no")


def test_links_of_the_content_cannot_be_clicked(served):
    text = page(served, "/deliveries/1/content", show="links")
    assert "http://127.0.0.1:8026/" in text
    assert 'href="http' not in text, "a click would count as the recipient's"


def test_the_preview_is_still_and_of_this_delivery_alone(served):
    answer = served.client.get("/deliveries/1/content/preview", params={"message": 1})
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "Three offers for you" in answer.text
    page(served, "/deliveries/2/content/preview", 404, message=1)
    page(served, "/deliveries/1/content/files", 404, message=1, part="9")
    answer = served.client.get("/deliveries/1/content/source", params={"message": 1})
    assert answer.headers["content-type"].startswith("message/rfc822")
    assert "attachment" in answer.headers["content-disposition"]


def test_tracking_has_three_views(served):
    text = page(served, "/deliveries/1/tracking")
    assert "cumulated clicks" in text
    assert "https://shop.example/offer/shoes" in text
    text = page(served, "/deliveries/1/tracking", show="log")
    assert 'href="/messages/' in text
    assert ">click<" in text
    text = page(served, "/deliveries/1/tracking", show="hot")
    assert 'sandbox src="/deliveries/1/tracking/hot"' in text
    answer = served.client.get("/deliveries/1/tracking/hot")
    assert " %</span>Shoes" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "<meta" not in answer.text


def test_the_audit_tells_what_happened_and_of_proofs(served):
    text = page(served, "/deliveries/1/audit")
    entries = served.lab.read(audit.entries, delivery_id=1)
    assert entries
    assert all(each.text.replace(">", "&gt;") in text for each in entries)
    assert "Nobody was left out" in text
    assert "--include-quarantined" in text


def test_a_browser_hears_of_changes_on_a_tab(served, tab):
    tab.goto(served.address + "/deliveries/1")
    tab.get_by_text("live", exact=True).wait_for()
    tab.get_by_role("link", name="Delivery log").click()
    tab.wait_for_url("**/deliveries/1/log")
    assert tab.locator("table tbody tr").count() == 50
    tab.locator("#reason").select_option("user_unknown")
    tab.get_by_role("button", name="Show").click()
    tab.wait_for_url("**reason=user_unknown**")
    assert tab.locator("table tbody tr").count() == 12


def test_a_browser_shows_hot_clicks_within_a_phone(served, tab):
    tab.goto(served.address + "/deliveries/1/tracking?show=hot")
    tab.get_by_role("button", name="Phone, 360 px").click()
    assert tab.locator("iframe#mail").bounding_box()["width"] == 360
    assert tab.frame_locator("iframe#mail").get_by_text("Shoes").is_visible()


@pytest.mark.parametrize("end", TABS)
def test_no_tab_is_wider_than_a_phone(served, tab, end):
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.goto(served.address + f"/deliveries/2{end}")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
