"""Mail as a mail program shows it, however it was made."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.reading_lab import MAIL
from tracking.readers.errors import MessageNotRead
from tracking.readers.form import form_of
from tracking.readers.page import LINKS_MAX, Link, page_of


def html(body, charset="utf-8"):
    head = f"Content-Type: text/html; charset={charset}\r\n\r\n"
    return head.encode() + body.encode("utf-8")


def test_links_and_images_of_both_parts():
    page = page_of(MAIL.replace("\n", "\r\n").encode())
    assert [each.text for each in page.html_links] == [
        "our offer",
        "news",
        "Unsubscribe",
        "in your browser",
    ]
    assert page.images == ("http://127.0.0.1:8026/r/pixel",)
    assert [each.url for each in page.text_links] == [
        "http://127.0.0.1:8026/r/text",
        "https://elsewhere.example/a",
    ]
    assert page.one_click == "http://127.0.0.1:8026/u/header"
    assert page.every_url()[0] == "http://127.0.0.1:8026/r/offer"


def test_character_references_are_read():
    page = page_of(html('<a href="http://h.test/?a=1&amp;b=2&#61;">x</a>'))
    assert page.html_links == (Link("http://h.test/?a=1&b=2=", "x"),)


def test_only_the_web_is_followed():
    body = '<a href="javascript:alert(1)">a</a><a href="data:text/html,x">b</a><img src="cid:1">'
    page = page_of(html(body + '<a href="mailto:a@b">c</a><a href="/r/1">d</a><a>e</a>'))
    assert page.html_links == ()
    assert page.images == ()


def test_what_is_written_on_an_image_is_what_is_written_on_its_link():
    page = page_of(html('<a href="http://h.test/"><img src="http://h.test/i" alt="Big sale"></a>'))
    assert page.html_links == (Link("http://h.test/", "Big sale"),)


def test_an_attachment_is_not_read():
    mail = b"Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n<img src=http://h/>"
    assert page_of(mail).images == ()


def test_no_one_click_without_its_second_header():
    assert page_of(b"List-Unsubscribe: <http://h.test/u>\r\n\r\n").one_click is None


def test_an_unknown_charset_is_read_as_well_as_can_be():
    page = page_of(html('<a href="http://h.test/">x</a>', charset="klingon"))
    assert len(page.html_links) == 1


def test_many_links_are_a_number_that_ends():
    page = page_of(html('<a href="http://h.test/">x</a>' * (LINKS_MAX + 5)))
    assert len(page.html_links) == LINKS_MAX


def test_mail_that_is_nested_without_end_is_told():
    mail = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (each, each)
        for each in range(3000)
    )
    with pytest.raises(MessageNotRead):
        page_of(mail)


@given(st.binary(max_size=2000))
def test_no_mail_is_too_strange(content):
    with contextlib.suppress(MessageNotRead):
        page_of(content)


@given(st.text(max_size=500))
def test_no_html_is_too_strange(body):
    page = page_of(html(body))
    assert all(each.url.lower().startswith(("http://", "https://")) for each in page.html_links)


def test_a_form_is_sent_as_a_browser_would():
    page = (
        b"<form action='/search'><input name=q></form><form method=POST action='/u/1?a=b'>"
        b"<input type=hidden name=sure value='yes &amp; no'><input type=checkbox name=also>"
        b"<button name=go value=1>Go</button><button name=stop>Stop</button></form>"
    )
    form = form_of(page, "http://127.0.0.1:8026/u/x")
    assert form == ("http://127.0.0.1:8026/u/1?a=b", "sure=yes+%26+no&go=1")


def test_a_page_without_a_form_to_send_has_none():
    assert form_of(b"<form><input name=q></form>", "http://127.0.0.1/") is None
