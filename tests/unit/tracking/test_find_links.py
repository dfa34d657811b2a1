"""Which URLs of a text are found, where they stand, and which are better left alone."""

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.find import Found, Given, links_of_html, links_of_text
from tracking.find.judged import URL_MAX
from tracking.find.segments import Segments
from tracking.find.tags import tags


def urls(links):
    return [each.url for each in links.found if isinstance(each, Found)]


def whys(links):
    return [each.why for each in links.unfit]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("See https://a.test/x.", ["https://a.test/x"]),
        ("(https://a.test/x) [http://b.test] {https://c.test/}", None),
        ("<https://a.test/x>, 'https://b.test/y'!", ["https://a.test/x", "https://b.test/y"]),
        ('"https://a.test/?q=1&r=2"', ["https://a.test/?q=1&r=2"]),
        ("HTTPS://A.test/X?", ["HTTPS://A.test/X"]),
        ("https://a.test/{{ id }}/x.", ["https://a.test/{{ id }}/x"]),
        ("ftp://a.test mailto:a@b.test www.a.test xhttps://a.test", []),
        ("https://é.test/ü", ["https://é.test/ü"]),
    ],
)
def test_urls_of_plain_text_end_where_mail_programs_end_them(text, wanted):
    found = links_of_text(text)
    if wanted is None:
        wanted = ["https://a.test/x", "http://b.test", "https://c.test/"]
    assert urls(found) == wanted
    assert not found.unfit


def test_places_are_those_of_the_text():
    links = links_of_text("a\r\nb https://a.test/{{ x }}, {{ unsubscribe_url }}\r\n")
    assert [links.text[each.start : each.end] for each in links.found] == [
        "https://a.test/{{ x }}",
        "{{ unsubscribe_url }}",
    ]
    assert isinstance(links.found[1], Given)


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("https://a.test/?a=1&amp;b=2", "https://a.test/?a=1&b=2"),
        ("&#104;ttps://a.test/", "https://a.test/"),
        (" https://a.test/x\n y ".replace(" y", "y"), "https://a.test/xy"),
        ("https://a.test/?a={{ a }}&amp;b={{ b | e }}", "https://a.test/?a={{ a }}&b={{ b | e }}"),
        ("https://a.test/{{ 'x' ~ \"y\" }}", "https://a.test/{{ 'x' ~ \"y\" }}"),
        ("https://a.test/&#123;&#123; x }", "https://a.test/%7B%7B x %7D"),
    ],
)
def test_urls_of_html_are_what_a_browser_reads(href, url):
    links = links_of_html(f'<p><a title=x href="{href}">x</a>')  # Jinja2's quotes are no end
    assert urls(links) == [url]


@pytest.mark.parametrize(
    "href",
    [
        "mailto:a@b.test",
        "tel:123",
        "cid:x",
        "#x",
        "/relative",
        "x.html",
        "//a.test/x",
        "",
        "ftp://a",
    ],
)
def test_what_leads_to_no_web_page_is_left_alone(href):
    links = links_of_html(f'<a href="{href}">x</a>')
    assert (links.found, links.unfit) == ([], [])


@pytest.mark.parametrize(
    ("href", "why"),
    [
        ("javascript:alert(1)", "its scheme"),
        (" java\tscript&#58;alert(1)", "its scheme"),
        ("data:text/html,x", "its scheme"),
        ("VBScript:x", "its scheme"),
        ("{{ url }}", "an expression makes its beginning"),
        ("{{ scheme }}://a.test/", "an expression makes its beginning"),
        ("https://{{ host }}/", "its host is personalised"),
        ("https://a.test{{ path }}", "its host is personalised"),
        ("https://a.test:{{ port }}/", "its host is personalised"),
        ("https://a.test\\{{ x }}/", "its host is personalised"),
        ("https://a.test/{% if x %}1{% endif %}", "statements"),
        ("https://a.test/{# c #}", "statements"),
        ("https://a.test/{{- x -}}", "statements"),
        ("https://a.test:port/", "it cannot be read"),
        ("https://[a/", "it cannot be read"),
        ("https:///x", "it cannot be read"),
        ("https://a.test\\x", "it cannot be read"),
        ("https://:80/", "it cannot be read"),
        ("https://a|b.test/", "it cannot be read"),
        ("https://é..test/", "it cannot be read"),
        ("https://a.test/{{ 'x' ~ '}}' }}", "two braces stand"),
        ("https://a.test/\x01x", "a control character"),
        ("https://a.test/" + "{{ x }}" * 21, "more than 20 expressions"),
        ("https://a.test/" + "x" * URL_MAX, "it is longer than"),
    ],
)
def test_what_cannot_be_tracked_is_told(href, why):
    links = links_of_html(f'<a href="{href}">x</a>')
    assert links.found == []
    [said] = whys(links)
    assert said.startswith(why)


def test_labels_are_what_a_reader_sees():
    links = links_of_html(
        "<a href=https://a.test/1> Our <b>shop</b>\n &amp; more </a>"
        '<a href=https://a.test/2><img src=x alt="Logo"></a>'
        '<a href=https://a.test/3 title="Third"><img src=x></a>'
        '<area href=https://a.test/4 alt="Map"><a href=https://a.test/5>Hi {{ name }}<a>'
    )
    labels = [each.label for each in links.found]
    assert labels == ["Our shop & more", "Logo", "Third", "Map", "Hi {{ name }}"]


def test_tags_in_comments_scripts_and_styles_are_none_but_outlook_reads_its_own():
    links = links_of_html(
        "<!-- <a href=https://no.test/>x</a> --><script>'<a href=https://no.test/>'</script>"
        "<style><a href=https://no.test/></style><title><a href=https://no.test/></title>"
        '<!--[if mso]><v:roundrect href="https://yes.test/"></v:roundrect><![endif]-->'
        "<!--[if !mso]><!--><a href=https://too.test/>x</a><!--<![endif]-->"
        "<form action=https://no.test/><img src=https://no.test/>"
    )
    assert urls(links) == ["https://yes.test/", "https://too.test/"]


def test_the_pixel_goes_before_the_last_end_of_the_body():
    links = links_of_html("<body><!--</body>--><p>x</p></BODY ></html>")
    assert links.text[links.pixel_at :] == "</BODY ></html>"
    assert links_of_html("<p>x</p>").pixel_at == len("<p>x</p>")


@pytest.mark.parametrize(
    "bomb",
    [
        *("<" * 100_000, "<!--" * 30_000, "<a " * 50_000, "<a href='" * 30_000, "</" * 50_000),
        *("<![if" * 30_000, "<a x=" * 30_000, "<a" + " " * 100_000, "<script>" * 30_000),
        *("<!--[if x]>" * 10_000 + "-->", "https://" * 30_000, "{{" * 30_000, "&" * 100_000),
    ],
)
def test_what_is_never_closed_is_read_in_one_pass(bomb):
    assert links_of_html(bomb).found == []  # or the test's own time limit ends it
    links_of_text(bomb)


def test_ten_thousand_links_are_found():
    text = "".join(f'<a href="https://a.test/{n}">{n}</a>\n' for n in range(10_000))
    assert len(links_of_html(text).found) == 10_000


class Oracle(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        if tag in {"a", "area"}:
            found = [value for name, value in attrs if name == "href"]
            if found and found[0]:
                self.hrefs.append(found[0])


PIECES = st.lists(
    st.sampled_from(
        [
            *("<a href='https://a.test/1'>", '<a class=x href="https://a.test/2">', "</a>", "text"),
            *("<p>", "<br/>", "<!-- x -->", "<!-- <a href=https://a.test/3> -->", "\n", "&amp;"),
            *('<AREA HREF = "https://a.test/4" />', "<a href=https://a.test/5>", "<a title='>'>"),
            *("<a href='https://a.test/6' href='https://no.test/'>", "<!doctype html>", " > "),
            *("<style>a { b }</style>", "<a data-href='https://no.test/'>", "a < b", "<b"),
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES.map("{}>".format))  # where a tag stays open, the library reads on
def test_links_are_those_that_the_standard_library_finds(text):
    oracle = Oracle()
    oracle.feed(text)
    oracle.close()
    wanted = [each for each in oracle.hrefs if each.startswith("https://")]
    assert urls(links_of_html(text)) == wanted


@given(st.text(st.sampled_from("<>/!-a= '\"hrefp\n&;{}%#"), max_size=40))
def test_no_text_makes_the_reader_fail(text):
    for each in tags(text):
        assert 0 <= each.start < each.end <= len(text)
    for links in (links_of_html(text), links_of_text(text)):
        assert 0 <= links.pixel_at <= len(links.text)


JINJA = st.lists(
    st.sampled_from(
        [
            *(
                "{{ a }}",
                "{% if a %}",
                "{% endif %}",
                "{# c #}",
                "{{- b -}}",
                "text",
                " \n ",
                "{",
                "}",
            ),
            *("{% raw %}{{ x }}{% endraw %}", "'"),
        ]
    ),
    max_size=10,
).map("".join)


@given(JINJA)
def test_segments_stand_where_they_are(text):
    segments = Segments.of(text)
    assert len(segments.masked) == len(segments.text)
    for each in segments.all:
        inner = segments.text[each.start : each.end]
        assert inner.startswith("{")
        assert inner.rstrip().endswith("}")
        if each.expression is not None:
            assert inner == f"{{{{{each.expression}}}}}"
