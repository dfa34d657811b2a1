"""Where URLs lead, which headers a tracked message gets, and what a source may ask for."""

import email
import email.policy
import re
from html import unescape
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from lab.submit.tracked import Reading, as_sent
from mail.seal import Keyring, keyring
from mail.tracked import Kind, UrlMode
from mta.errors import PersonalizationError
from mta.render import Personal, compile_source
from mta.signature import Signer, SigningKey
from store.tracked_urls import Remembered, TrackedDelivery
from tracking import token
from tracking.rewriting import DeliveryLinks
from tracking.urls import Collection

KEYS = keyring([b"s" * 32])
HTML = b"From: a@b.test\nSubject: x\nContent-Type: text/html\n%b\n%b"


def sent(body=b"<p>x</p>", headers=b"", has_pixel=True):
    source = HTML % (headers, body)
    reading = Reading()
    template = compile_source(source, "mail.eml", reading)
    urls = reading.collection.urls(
        {}, fields=template.fields, has_unsubscribe=not template.has_own_unsubscribe
    )
    made = TrackedDelivery("http://t.test", has_pixel, False, None, None, urls)
    return made, compile_source(source, "mail.eml", DeliveryLinks(7, made, KEYS))


def personal(**fields):
    return Personal(9, 7, "u@d.test", fields, 1.0, "<1.2@l.test>", "r@l.test")


def read(template, **fields):
    content = template.render(personal(**fields)).content
    return email.message_from_bytes(content, policy=email.policy.SMTP)


def test_keys_shorter_and_longer_than_a_block_seal_alike_both_ways():
    for size in (32, 64, 65, 200):
        ring = Keyring((b"k" * size,))
        for values in ((), ("a", "é")):
            quick = token.sealer(ring, "h", 7, 3)(9, values)
            assert quick == token.tail(ring, token.Token("h", 7, 3, 9), values)


def test_a_tracked_message_says_where_to_unsubscribe():
    made, template = sent()
    message = read(template)
    link = message["List-Unsubscribe"].strip("<>")
    assert link.startswith("http://t.test/u/x7.2.")
    assert token.opened(KEYS, link.rpartition("/")[2]) == token.Token("x", 7, 2, 9)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert made.urls[1].kind is Kind.OPT_OUT


def test_dkim_covers_the_headers_of_unsubscribing():
    _, template = sent()
    signer = Signer([SigningKey("b.test", "s", ed25519.Ed25519PrivateKey.generate())])
    signed = signer.signed(template.render(personal()).content, 1.0)
    head = signed.partition(b"From:")[0].replace(b"\r\n ", b"")
    names = head.partition(b"h=")[2].partition(b";")[0].split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(names)


def test_what_the_source_says_of_unsubscribing_stays():
    made, template = sent(headers=b"List-Unsubscribe: <{{ unsubscribe_url }}>\n")
    message = read(template)
    assert message.get_all("List-Unsubscribe")[0].startswith("<http://t.test/u/x7.2.")
    assert "List-Unsubscribe-Post" not in message
    made, template = sent(headers=b"List-Unsubscribe: <mailto:a@b.test>\n")
    assert read(template).get_all("List-Unsubscribe") == ["<mailto:a@b.test>"]
    assert [each.number for each in made.urls] == [1]


def test_pages_of_ours_are_links_where_the_source_asks_and_nothing_where_it_is_not_tracked():
    body = (
        b'<a href="{{ mirror_url }}">See</a> '
        b"{% if unsubscribe_url %}{{ unsubscribe_url }}{% endif %}"
    )
    made, template = sent(body)
    text = read(template).get_content()
    assert 'href="http://t.test/m/h7.3.' in text
    assert "http://t.test/u/x7.2." in text
    assert [(each.mode, each.kind) for each in made.urls[1:]] == [
        (UrlMode.OPT_OUT, Kind.OPT_OUT),
        (UrlMode.MIRROR, Kind.MIRROR),
    ]
    untracked = compile_source(HTML % (b"", body), "mail.eml")
    assert untracked.unknown_fields([]) == ()
    assert read(untracked).get_content().strip() == '<a href="">See</a>'


def test_the_mirror_page_is_the_message_without_its_pixel():
    body = b"<p>{{ name }}</p><a href='https://a.test/?n={{ name }}'>x</a>"
    _, template = sent(body, has_pixel=False)
    html = template.html(personal(name="<b>"))
    assert "<p>&lt;b&gt;</p>" in html
    assert "http://t.test/r/h7.3." in html
    assert "<img" not in html
    assert compile_source(b"From: a@b.test\n\nx\n", "m").html(personal()) is None


def test_attachments_other_kinds_of_text_and_enclosed_messages_are_left_alone():
    source = (
        b"From: a@b.test\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/html\n\n<a href='https://a.test/'>x</a>\n"
        b"--b\nContent-Type: text/html\nContent-Disposition: attachment\n\n<a href='https://b.test/'>\n"
        b"--b\nContent-Type: text/x-amp-html\n\n<a href='https://c.test/'>\n"
        b"--b\nContent-Type: text/html\n\n<a href='https://d.test/'>x</a>\n--b--\n"
    )
    reading = Reading()
    compile_source(source, "mail.eml", reading)
    assert list(reading.collection.found) == ["https://a.test/", "https://d.test/"]
    urls = reading.collection.urls({}, fields=(), has_unsubscribe=True)
    made = TrackedDelivery("http://t.test", True, False, None, None, urls)
    parts = list(read(compile_source(source, "m", DeliveryLinks(7, made, KEYS))).iter_parts())
    contents = [each.get_content() for each in parts]
    contents[1] = contents[1] if isinstance(contents[1], str) else contents[1].decode()
    assert ["<img" in each for each in contents] == [True, False, False, False]
    assert "https://b.test/" in contents[1]
    assert "https://c.test/" in contents[2]


def test_one_url_is_counted_once_whichever_part_has_it():
    collection = Collection()
    reading = Reading(collection)
    reading.rewrite("https://a.test/ https://a.test/", is_html=False, has_pixel=True)
    reading.rewrite("<a href=https://a.test/>Shop</a>", is_html=True, has_pixel=True)
    known = {"https://a.test/": Remembered(UrlMode.NEVER, "", "footer")}
    [_, url] = collection.urls(known, fields=(), has_unsubscribe=False)
    assert (url.label, url.category, url.mode) == ("Shop", "footer", UrlMode.NEVER)


def test_a_label_that_is_an_address_is_told():
    reading = Reading()
    text = "<a href='https://a.test/'>https://bank.test</a>"
    reading.rewrite(text, is_html=True, has_pixel=True)
    [said] = reading.collection.told()
    assert "phishing filters" in said


def test_many_warnings_are_cut_short():
    reading = Reading()
    text = "".join(f"<a href='javascript:{n}'>" for n in range(50))
    reading.rewrite(text, is_html=True, has_pixel=True)
    told = list(reading.collection.told())
    assert len(told) == 21
    assert told[-1] == "… and 30 more about links"


def test_many_links_are_rendered():
    body = "".join(f"<a href='https://a.test/{n}'>{n}</a>\n" for n in range(900)).encode()
    made, template = sent(body)
    assert read(template).get_content().count("http://t.test/r/h7.") == 901
    assert len(made.urls) == 902


def test_a_submission_tries_what_is_sent():
    made, _ = sent(b"<a href='https://a.test/?n={{ name }}'>x</a>")
    source = HTML % (b"", b"<a href='https://a.test/?n={{ name }}'>x</a>")
    assert "http://t.test/r/h0.3." in read(as_sent(source, "m", made), name="n").get_content()


def test_links_in_a_loop_carry_the_value_of_their_turn():
    body = b"{% for n in ['1', 'a&b'] %}<a href='https://a.test/{{ n }}'>{{ n }}</a>{% endfor %}"
    _, template = sent(body)
    html = unescape(read(template).get_content())
    found = re.findall(r"/r/([\w.-]+)\?1=([^']*)'", html)
    assert [value for _, value in found] == ["1", "a%26b"]
    for text, value in found:
        assert token.opened(KEYS, text, [unquote(value)]) == token.Token("h", 7, 3, 9)


def test_a_field_that_is_missing_in_a_link_fails_that_message_alone():
    _, template = sent(b"<a href='https://a.test/{{ n }}'>x</a>")
    with pytest.raises(PersonalizationError) as caught:
        read(template)
    assert caught.value.field == "n"
    assert "1=1" in read(template, n="1").get_content()
    _, template = sent(b"{% if true %}<a href='https://a.test/{{ n }}'>x</a>{% endif %}")
    with pytest.raises(PersonalizationError, match="'n' is undefined"):
        read(template)
