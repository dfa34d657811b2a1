"""The inbox as a person sees it: the list, its search, one mail from all sides."""

import pytest

from tests.web.test_inbox_api_messages import PLAIN, RICH


def page(lab, path, **params):
    answer = lab.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_empty_inbox_says_what_to_do(inbox):
    text = page(inbox, "/inbox")
    assert "The inbox is empty" in text or "Nothing was received yet" in text


def test_the_list_shows_who_what_and_whether_it_was_read(inbox):
    first = inbox.deliver(PLAIN)
    inbox.deliver(RICH.replace("Subject: Rich", "Subject: Rich <b>"))
    text = page(inbox, "/inbox")
    assert text.index("Rich &lt;b&gt;") < text.index("Gr\xfc\xdfe")
    assert text.count('class="unread"') == 2
    assert '<a href="/deliveries/7">7</a>' in text  # by its Message-ID
    assert "1 attached" in text
    assert "Hello you, see https://shop.example/offer" in text
    page(inbox, f"/inbox/{first}")
    assert page(inbox, "/inbox").count('class="unread"') == 1


def test_it_is_searched_with_mailpits_words(inbox):
    inbox.deliver(PLAIN)
    inbox.deliver(RICH)
    text = page(inbox, "/inbox", query="has:attachment")
    assert "Rich" in text
    assert "Gr\xfc\xdfe" not in text.split('<div id="live"')[1].replace("Gr\xfc\xdfe</span>", "")
    assert "Nothing was found" in page(inbox, "/inbox", query="nowhere")
    assert "is no time" in page(inbox, "/inbox", query="before:soon")
    assert "&lt;script&gt;" in page(inbox, "/inbox", query="<script>")


def test_long_lists_have_pages(inbox):
    for number in range(53):
        inbox.deliver(f"Subject: number {number}\n\nx\n")
    text = page(inbox, "/inbox", query="subject:number")
    assert "1 to 50 of 53 found, 53 unread" in text
    assert "/inbox?query=subject%3Anumber&amp;start=50" in text
    text = page(inbox, "/inbox", start=50)
    assert "51 to 53 of 53" in text
    assert "number 0<" in text


@pytest.mark.parametrize(
    ("show", "words"),
    [
        ("", '<iframe id="mail" class="mail" sandbox src="/inbox/'),
        ("text", "Gr\xfc\xdfe"),
        ("headers", "multipart/mixed; boundary=m"),
        ("source", "Gr=FC=DFe"),
        ("files", "page.html"),
        ("links", "It has no links"),
        ("nonsense", "<iframe"),
    ],
)
def test_a_mail_is_seen_from_all_sides(inbox, show, words):
    mail_id = inbox.deliver(RICH)
    assert words in page(inbox, f"/inbox/{mail_id}", show=show)


def test_a_mail_leads_to_its_message_and_lists_its_links(inbox):
    mail_id = inbox.deliver(
        "Message-ID: <3.14@shop.example>\nContent-Type: text/html\n\n"
        '<a href="https://a.test/x">One <b>link</b></a><a href="javascript:alert(1)">bad</a>'
        '<img src="http://b.test/p.png">\n'
    )
    text = page(inbox, f"/inbox/{mail_id}", show="links")
    assert '<a href="/messages/14">14</a> of delivery <a href="/deliveries/3">3</a>' in text
    assert '<a href="https://a.test/x" rel="noreferrer noopener" target="_blank">' in text
    assert "One link" in text
    assert "javascript:alert(1)" in text
    assert 'href="javascript' not in text
    assert "http://b.test/p.png" in text
    foreign = inbox.deliver("Message-ID: <3.14@elsewhere.example>\n\nx\n")
    assert "Sent as" not in page(inbox, f"/inbox/{foreign}")


def test_files_are_kept_and_never_shown(inbox):
    mail_id = inbox.deliver(RICH)
    for part in ("1.2", "2"):
        answer = inbox.client.get(f"/inbox/{mail_id}/part/{part}")
        assert answer.headers["content-disposition"].startswith("attachment")
    assert inbox.client.get(f"/inbox/{mail_id}/part/9").status_code == 404
    assert inbox.client.get("/inbox/nothing-1").status_code == 404


def test_a_kept_lab_shows_its_mail_and_changes_nothing(served):
    text = page(served, "/inbox")
    assert "Three offers for you" in text
    assert "data-post" not in text.split('<div id="live"')[1].split("</main>")[0]
    mail_id = text.split('id="mail-')[1].split('"')[0]
    page(served, f"/inbox/{mail_id}")
    assert page(served, "/inbox") == text


def test_a_mail_is_deleted_and_marked_in_a_browser(inbox, tab):
    inbox.deliver(PLAIN)
    inbox.deliver(RICH)
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.goto(f"{inbox.address}/inbox")
    tab.get_by_role("button", name="Delete Rich").click()
    tab.get_by_text("1 to 1 of 1, 1 unread").wait_for()
    tab.get_by_role("button", name="Mark all as read").click()
    tab.get_by_text("1 to 1 of 1, 0 unread").wait_for()
    tab.get_by_role("link", name="Gr\xfc\xdfe").click()
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_text("The inbox is empty").wait_for()


def test_a_phone_shows_the_list_without_scrolling_aside(inbox, tab):
    inbox.deliver(PLAIN)
    tab.set_viewport_size({"width": 360, "height": 700})
    tab.goto(f"{inbox.address}/inbox")
    assert tab.evaluate("document.querySelector('main').scrollWidth") <= 360


def test_the_frame_is_as_wide_as_a_phone(inbox, tab):
    mail_id = inbox.deliver(RICH)
    tab.goto(f"{inbox.address}/inbox/{mail_id}")
    frame = tab.locator("iframe.mail")
    tab.get_by_role("button", name="Phone, 360 px").click()
    assert frame.bounding_box()["width"] == 360
    tab.get_by_role("button", name="Full width").click()
    assert frame.bounding_box()["width"] > 700
    picture = tab.frame_locator("iframe.mail").locator("img")
    assert picture.evaluate("picture => picture.naturalWidth") == 1
