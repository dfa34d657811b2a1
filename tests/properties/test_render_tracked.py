"""Messages with tracked links say what their source says, read as a mail program reads them."""

import email
import email.policy
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.seal import keyring
from mail.tracked import Kind, UrlMode
from mta.errors import PersonalizationError
from mta.render import Personal, compile_source
from mta.render.mime import PartSlot
from mta.render.sealed import Sealed
from mta.render.splice import Encoded, Splice
from store.tracked_urls import Remembered, TrackedDelivery
from tracking import token
from tracking.find import links_of_html, links_of_text
from tracking.rewriting import DeliveryLinks
from tracking.urls import Collection, target

KEYS = keyring([b"k" * 32])
DELIVERY, MESSAGE = 500, 123_456_789
TOKEN = re.compile(
    r"http://t\.test:8026/([rum])/([htx][0-9a-f]+\.[0-9a-f]+\.[\w-]{24})(?:\?([^\s\"<>]*))?"
)


def tracked(source, base="http://t.test:8026", remembered=None):
    collection = Collection()

    class Reading:
        def rewrite(self, text, *, is_html, has_pixel):
            found = links_of_html(text) if is_html else links_of_text(text)
            collection.add(found, "part", is_html=is_html)
            return type("R", (), {"text": text, "links": ()})()

        def sealer(self, content, number):
            return lambda *_: ""

        def given(self):
            return {}

    template = compile_source(source, "mail.eml", Reading())
    urls = collection.urls(
        remembered or {},
        fields=template.fields,
        has_unsubscribe=not template.has_own_unsubscribe,
    )
    made = TrackedDelivery(base, not collection.is_text, collection.is_text, None, None, urls)
    return made, collection


def compiled(source, made):
    return compile_source(source, "mail.eml", DeliveryLinks(DELIVERY, made, KEYS))


def personal(**fields):
    return Personal(MESSAGE, DELIVERY, "u@d.test", fields, 1.0, "<1.2@l.test>", "r@l.test")


def parts(content):
    message = email.message_from_bytes(content, policy=email.policy.SMTP)
    return {
        each.get_content_type(): each.get_content().replace("\r\n", "\n")
        for each in message.walk()
        if not each.is_multipart()
    }


def opened(made, match, letter):
    """Where a link of a message leads."""
    asked = parse_qs(match[3] or "", keep_blank_values=True, strict_parsing=bool(match[3]))
    values = [asked[str(at)][0] for at in range(1, len(asked) + 1)]
    found = token.opened(KEYS, match[2], values)
    assert found is not None
    assert (found.content, found.delivery_id, found.message_id) == (letter, DELIVERY, MESSAGE)
    url = next(each for each in made.urls if each.number == found.url)
    if url.kind is Kind.OPEN:
        return ""
    if not url.is_of_source:
        return url.url
    texts = []
    pieces = re.split(r"\{\{.*?\}\}", url.url)
    assert len(pieces) == len(values) + 1
    for piece, value in zip(pieces, [*values, ""], strict=True):
        texts += [piece, value]
    return "".join(texts)


class Events(HTMLParser):
    """HTML as a mail program reads it; links to the tracking server as where they lead."""

    def __init__(self, made):
        super().__init__()
        self.made, self.events = made, []

    def handle_starttag(self, tag, attrs):
        read = []
        for name, value in attrs:
            found = TOKEN.fullmatch(value or "")
            read.append((name, opened(self.made, found, "h") if found else value))
        if tag == "img" and ("src", "") in read:
            self.events.append("pixel")
        else:
            self.events.append((tag, read))

    def handle_endtag(self, tag):
        self.events.append(("/", tag))

    def handle_data(self, data):
        if self.events and self.events[-1][0] == "data":
            data = self.events.pop()[1] + data
        self.events.append(("data", data))


def events(made, html):
    reader = Events(made)
    reader.feed(html)
    reader.close()
    return reader.events


FIELDS = st.text(st.sampled_from("ab Z09.-&<>\"'=é%?/#"), max_size=12).map(lambda text: f"a{text}b")
URLS = st.sampled_from(
    [
        "https://a.test/",
        "https://a.test/x?y=1",
        "http://b.test/" + "long/" * 20,
        "https://c.test/{{ name }}",
        "https://d.test/?n={{ name }}",
        "https://d.test/?n={{ name | urlencode }}",
        "https://d.test/?a={{ town }}",
    ]
)
WORDS = st.sampled_from(
    ["Hello", "{{ name }}", "\n", " ", "été", "=", ".", "\n.", "x" * 70, "y" * 23]
)


@st.composite
def htmls(draw):
    made = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            url = draw(URLS).replace("&", "&amp;")
            quote = draw(st.sampled_from("'\""))
            made.append(f"<a class=x href={quote}{url}{quote}>{draw(WORDS)}</a>")
        else:
            made.append(draw(WORDS))
    body = "".join(made)
    return draw(st.sampled_from([body, f"<html><body>{body}</body></html>\n"]))


@st.composite
def texts(draw):
    pieces = st.one_of(WORDS, URLS.map(lambda url: f" <{url}> "))
    return "".join(draw(st.lists(pieces, max_size=6)))


def source_of(kind, body):
    return (
        f"From: a@b.test\nSubject: x\nContent-Type: text/{kind}; charset=utf-8\n\n{body}"
    ).encode()


def rendered(template, message):
    try:
        made = template.render(message)
    except PersonalizationError as error:
        return None, str(error)
    assert not (made.is_dotless and b"\n." in made.content)
    return made.content, ""


def without_quick_ways(template):
    return replace(
        template,
        _body=tuple(
            replace(each, lines=()) if isinstance(each, PartSlot) else each
            for each in template._body
        ),
    )


@settings(max_examples=100)
@given(html=htmls(), statements=st.booleans(), name=FIELDS, town=FIELDS)
def test_html_reads_the_same(html, statements, name, town):
    if statements:
        html = "{% if name %}" + html + "{% endif %}"
    source = source_of("html", html)
    made, _ = tracked(source)
    template, message = compiled(source, made), personal(name=name, town=town)
    content, _ = rendered(template, message)
    assert rendered(without_quick_ways(template), message)[0] == content
    plain = parts(compile_source(source, "x").render(message).content)["text/html"]
    seen = events(made, parts(content)["text/html"])
    assert seen.count("pixel") == 1
    at = seen.index("pixel")
    del seen[at]
    if 0 < at < len(seen) and seen[at - 1][0] == seen[at][0] == "data":
        seen[at - 1 : at + 1] = [("data", seen[at - 1][1] + seen[at][1])]
    wanted = events(made, plain)
    if wanted and wanted[-1][0] == "data" and wanted[-1][1].strip() == "" and wanted != seen:
        wanted[-1], seen[-1] = ("data", ""), ("data", "")  # the end of the message's last line
    assert _joined(seen) == _joined(wanted)


def _joined(found):
    if found and found[-1][0] == "data":
        found = [*found[:-1], ("data", found[-1][1].rstrip("\n"))]
    return [each for each in found if each != ("data", "")]


@settings(max_examples=100)
@given(text=texts(), statements=st.booleans(), name=FIELDS, town=FIELDS)
def test_text_reads_the_same(text, statements, name, town):
    if statements:
        text = "{% if name %}" + text + "{% endif %}"
    source = source_of("plain", text)
    made, _ = tracked(source)
    template, message = compiled(source, made), personal(name=name, town=town)
    content, _ = rendered(template, message)
    assert rendered(without_quick_ways(template), message)[0] == content
    read = TOKEN.sub(lambda each: opened(made, each, "t"), parts(content)["text/plain"])
    plain = parts(compile_source(source, "x").render(message).content)["text/plain"]
    assert read.rstrip("\n") == plain.rstrip("\n")


@pytest.mark.parametrize("column", range(90))
def test_a_soft_break_may_fall_anywhere_in_a_token(column):
    text = "é" * 3 + "w" * column + " https://a.test/ and https://b.test/x.\n.\n"
    source = source_of("plain", text)
    made, _ = tracked(source)
    template = compiled(source, made)
    [slot] = [each for each in template._body if isinstance(each, PartSlot)]
    assert [type(each) for each in slot.lines] == [Sealed]
    content, _ = rendered(template, personal())
    assert content == rendered(without_quick_ways(template), personal())[0]
    read = TOKEN.sub(lambda each: opened(made, each, "t"), parts(content)["text/plain"])
    assert read == text


def test_usual_mail_with_links_takes_the_quick_way():
    source = source_of(
        "html",
        "<p>Dear {{ name }},</p>\n<p>text</p>\n<a href='https://a.test/'>A</a>\n<p>more</p>\n"
        "<p>{{ name }}: <a href='https://a.test/{{ name }}'>B</a></p>\n<p>end</p>\n",
    )
    made, _ = tracked(source)
    template = compiled(source, made)
    [slot] = [each for each in template._body if isinstance(each, PartSlot)]
    kinds = [type(each) for each in slot.lines]
    assert kinds == [Splice, Sealed, Encoded, Sealed]


def test_a_value_comes_through_as_it_is_and_is_sealed():
    source = source_of(
        "html", '<a href="https://a.test/?n={{ name }}&amp;m={{ name|urlencode }}">x</a>'
    )
    made, _ = tracked(source)
    name = 'Tom & "Jerry" <b>\'é%41'
    html = parts(compiled(source, made).render(personal(name=name)).content)["text/html"]
    href = re.search(r'href="([^"]*)"', html)[1]
    parsed = urlsplit(unescape(href))
    values = [each[0] for each in parse_qs(parsed.query).values()]
    assert values[0] == name
    text = parsed.path.rpartition("/")[2]
    assert token.opened(KEYS, text, values) is not None
    assert token.opened(KEYS, text, ["other", values[1]]) is None
    url = next(
        each.url for each in made.urls if each.number == token.opened(KEYS, text, values).url
    )
    assert target(url, values) == (
        "https://a.test/?n=Tom%20&%20%22Jerry%22%20%3Cb%3E'%C3%A9%41"
        "&m=Tom%20%26%20%22Jerry%22%20%3Cb%3E%27%C3%A9%2541"
    )


def test_modes_say_what_is_rewritten():
    source = source_of("plain", "https://a.test/ https://b.test/ https://c.test/")
    remembered = {
        "https://a.test/": Remembered(UrlMode.NEVER, "", ""),
        "https://b.test/": Remembered(UrlMode.ALWAYS, "B", "shop"),
    }
    made, _ = tracked(source, remembered=remembered)
    read = parts(compiled(source, made).render(personal()).content)["text/plain"]
    assert read.startswith("https://a.test/ http://t.test:8026/r/t1f4.4.")
    assert made.urls[3].label == "B"
    mirror = replace(made.urls[3], mode=UrlMode.MIRROR, kind=Kind.MIRROR)
    made = replace(made, urls=(*made.urls[:3], mirror, *made.urls[4:]))
    read = parts(compiled(source, made).render(personal()).content)["text/plain"]
    assert " http://t.test:8026/m/t1f4.4." in read
