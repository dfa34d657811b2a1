"""What is found in a message before it is sent, each with its code and its line."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.checks.checking import OF_A_CODE, Asked, check
from lab.checks.code import MEANINGS, Code
from lab.checks.fetching import Had, is_of_this_machine
from lab.checks.letter import read_letter
from lab.checks.links import shown_host
from lab.checks.page import read_page
from lab.configuration import Loaded, configuration_from
from lab.submit.errors import BadSubmission, UnreadableInput

GOOD = """From: Ann of the Shop <ann@lab.test>
Subject: News for {{ name }}
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Hello {{ name }}. Unsubscribe: {{ unsubscribe_url }}
--b
Content-Type: text/html; charset=utf-8

<html><body><p>Hello {{ name }}.</p>
<p><a href="{{ mirror_url }}">View it online</a></p>
<p><a href="https://shop.test/?to={{ address }}">To the shop</a>
<img src="https://shop.test/a.png" alt="">
BODY
</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>
--b--
"""
LINE_OF_BODY = GOOD.splitlines().index("BODY") + 1
CONFIGURATION = """
[lab]
domain = "lab.test"
[tracking]
listen = "off"
"""


@pytest.fixture
def checked(tmp_path):
    """Checks a source; gives codes and lines."""
    people = tmp_path / "people.csv"
    people.write_text("address,name\nx@a.test,Ann\ny@a.test,Bob\n")

    def run(source, text=CONFIGURATION, fetch=None, ignored=frozenset(), **asked):
        file = tmp_path / "mail.eml"
        file.write_bytes(source.encode() if isinstance(source, str) else source)
        loaded = Loaded(configuration_from(text, "m.toml"), tmp_path / "m.toml", tmp_path, text)
        asked = {"recipients": people, **asked}
        return check(loaded, Asked(file, **asked), 1.75e9, fetch, ignored)

    return run


def found(checked):
    return [(str(each.code), each.line) for each in checked.findings]


def with_body(html):
    return GOOD.replace("BODY", html)


def test_nothing_is_found_in_what_is_right(checked):
    done = checked(GOOD)
    assert found(done) == []
    assert (done.recipients, done.links) == (2, 3)
    assert done.size > 500


def test_without_recipients_it_is_not_made(checked):
    done = checked(GOOD, recipients=None)
    assert found(done) == []
    assert (done.recipients, done.size) == (None, None)


@pytest.mark.parametrize(
    ("before", "after", "code", "line"),
    [
        ("From: Ann of the Shop <ann@lab.test>\n", "", "sender_missing", None),
        ("Ann of the Shop <ann@lab.test>", "Ann of the Shop", "sender_broken", 1),
        ("<ann@lab.test>", "<ann@lab.test>, <bob@lab.test>", "sender_broken", 1),
        ("Ann of the Shop <ann@lab.test>", "ann@lab.test", "sender_nameless", 1),
        ("ann@lab.test", "ann@elsewhere.test", "sender_foreign", 1),
        ("Subject: News for {{ name }}\n", "", "subject_missing", None),
        ("News for {{ name }}", "", "subject_missing", 2),
        ("News for {{ name }}", "News for {{ '' }}{{ '{{' }} name", "subject_unfilled", 2),
        ("News for {{ name }}", "News for <%= recipient.name %>", "subject_unfilled", 2),
        ("News for {{ name }}", "News " * 20, "subject_long", 2),
        ("News for {{ name }}", "BUY TWO NOW", "subject_shouts", 2),
        ("News for {{ name }}", "Buy now!!", "subject_shouts", 2),
        ("{{ name }}. Uns", "*|FNAME|*. Uns", "body_unfilled", 9),
        ("Hello {{ name }}", "Hello {{ nane }}", "field_unknown", 9),
        ("{{ name }}. Uns", "{{ 1 // (name == 'Ann' and 0 or 0) }}. Uns", "rendering_failed", None),
        ("{{ name }}. Uns", "{{ name . Uns", "message_unreadable", 9),
        ("Subject: News", "Subject News", "message_unreadable", 2),
    ],
)
def test_heads_and_fields(checked, before, after, code, line):
    assert before in GOOD
    assert (code, line) in found(checked(GOOD.replace(before, after, 1)))


@pytest.mark.parametrize(
    ("html", "codes"),
    [
        ('<a href="javascript:alert(1)">x</a>', ["link_runs"]),
        ('<a href="java\tscript:alert(1)">x</a>', ["link_runs"]),
        ('<a href="&#106;avascript:alert(1)">x</a>', ["link_runs"]),
        ("<a href=data:text/html,hello>x</a>", ["link_runs"]),
        ('<a href="/shop">x</a>', ["link_relative"]),
        ('<a href="shop.test/a">x</a>', ["link_relative"]),
        ('<a href="http://">x</a>', ["link_broken"]),
        ('<a href="https://shop test/">x</a>', ["link_broken"]),
        ('<a href="https://shop.test:99999/">x</a>', ["link_broken"]),
        ('<a href="https://shop/">x</a>', ["link_broken"]),
        ('<a href="">x</a>', ["link_empty"]),
        ('<a href="#">x</a>', ["link_empty"]),
        ('<a href="http://192.0.2.1/">x</a>', ["link_to_ip"]),
        ('<a href="http://[2001:db8::1]/">x</a>', ["link_to_ip"]),
        ('<a href="http://shop.test/">www.bank.test</a>', ["label_differs"]),
        ('<a href="http://shop.test/">https://bank.test/<b>login</b></a>', ["label_differs"]),
        ('<a href="http://www.shop.test/x">shop.test</a>', []),
        ('<a href="#top">x</a> <a href="mailto:a@b.test">x</a>', []),
        ('<a href="{{ name }}">x</a>', []),
        ('<a href="https://{{ name }}.test/">bank.test</a>', []),
        ('<a name="x">x</a>', []),
        ('<img src="http://shop.test/a.png">', ["image_without_alt"]),
        ('<img src="a.png" alt="">', ["image_broken"]),
        ('<img alt="x">', ["image_broken"]),
        ('<img src="cid:logo" alt="">', ["image_embedded_missing"]),
        ('<img src="data:image/png;base64,AAAA" alt="">', ["image_data"]),
        ("<script>alert('<a href=x>')</script>", ["html_runs"]),
        ("<form action=x></form>", ["html_runs"]),
        ("<!-- <a href=''>x</a> -->", []),
    ],
)
def test_links_and_images(checked, html, codes):
    assert found(checked(with_body(html))) == [(each, LINE_OF_BODY) for each in codes]


def test_a_link_that_shows_its_url_differs_once_it_is_tracked(checked):
    tracked = CONFIGURATION.replace('listen = "off"', 'listen = "127.0.0.1:8026"')
    html = '<a href="http://shop.test/">http://shop.test/</a>'
    assert found(checked(with_body(html), tracked)) == [("label_is_url", LINE_OF_BODY)]


def test_sizes_are_those_of_what_goes_out(checked):
    tracked = CONFIGURATION.replace('listen = "off"', 'listen = "127.0.0.1:8026"')
    html = "".join(f'<a href="http://shop.test/{n}">x</a>' for n in range(20))
    assert checked(with_body(html), tracked).size > checked(with_body(html)).size + 20 * 30


def test_parts_and_ways_out(checked):
    source = "From: A <a@lab.test>\nSubject: Hi\nContent-Type: text/html\n\n<a href='http://a.test/'>x</a>"
    codes = [code for code, _ in found(checked(source))]
    assert codes == ["text_missing", "unsubscribe_missing", "mirror_missing"]
    headed = f"List-Unsubscribe: <mailto:u@lab.test>\n{source}"
    assert "unsubscribe_missing" not in [code for code, _ in found(checked(headed))]


def test_embedded_images_are_found_and_weighed(checked):
    big = base64.encodebytes(b"x" * 110_000).decode()
    source = (
        "From: A <a@lab.test>\nSubject: Hi\nContent-Type: multipart/related; boundary=b\n\n"
        "--b\nContent-Type: text/html\n\n<img src='cid:small@x' alt=a><img src='CID:big@x' alt=b>\n"
        "--b\nContent-Type: image/png\nContent-ID: <small@x>\n\nabc\n"
        "--b\nContent-Type: image/png\nContent-ID: <big@x>\nContent-Transfer-Encoding: base64\n\n"
        f"{big}\n--b--\n"
    )
    codes = [code for code, _ in found(checked(source))]
    assert "image_large" in codes
    assert "image_embedded_missing" not in codes


@pytest.mark.parametrize(
    ("size", "code"), [(40_000, None), (70_000, "html_large"), (110_000, "html_clipped")]
)
def test_sizes_of_html(checked, size, code):
    codes = [code for code, _ in found(checked(with_body("<p>words</p>\n" * (size // 13))))]
    assert codes == ([] if code is None else [code])


def test_images_of_this_machine_are_asked_for_and_no_others(checked):
    urls = {
        "http://127.0.0.1:9/a.png": Had(10),
        "http://localhost:9/big.png": Had(200_000),
        "http://[::1]/gone.png": Had(0, "the answer is 404"),
        "http://shop.test/a.png": None,
        "http://127.0.0.1.shop.test/a.png": None,
        "http://10.0.0.1/a.png": None,
    }
    html = "".join(f'<img src="{each}" alt="">' for each in urls)
    asked = []

    def fetch(url):
        asked.append(url)
        return urls[url]

    done = checked(with_body(html), fetch=fetch)
    assert asked == [url for url, had in urls.items() if had is not None]
    assert found(done) == [("image_unreachable", LINE_OF_BODY), ("image_large", LINE_OF_BODY)]
    assert (done.images_asked, done.images_not_asked) == (3, 4)


def test_what_is_not_of_this_machine():
    for url in ("http://0x7f000001/", "http://2130706433/", "ftp://127.0.0.1/", "http://[::1", ""):
        assert not is_of_this_machine(url)


def test_times(checked):
    assert found(checked(GOOD, validity_s=600.0)) == [("validity_short", None)]
    assert found(checked(GOOD, validity_s=7200.0, waves="50%:1d")) == [("wave_past_validity", None)]
    assert found(checked(GOOD, validity_s=90_000.0, waves="50%:1d")) == [("wave_late", None)]
    assert found(checked(GOOD, validity_s=200_000.0, waves="50%:1d")) == []
    with pytest.raises(BadSubmission, match="no waves"):
        checked(GOOD, waves="often")


def test_a_proof_goes_to_a_few(checked, tmp_path):
    many = tmp_path / "many.csv"
    many.write_text("address,name\n" + "".join(f"u{n}@a.test,x\n" for n in range(101)))
    assert found(checked(GOOD, recipients=many)) == []
    assert found(checked(GOOD, recipients=many, is_proof=True)) == [("proof_large", None)]


def test_ignored_codes_are_left_out(checked):
    assert found(checked(with_body("<a href=''>x</a>"), ignored=frozenset({Code.LINK_EMPTY}))) == []


def test_files_that_cannot_be_read(checked, tmp_path):
    with pytest.raises(UnreadableInput):
        checked(GOOD, recipients=tmp_path / "none.csv")
    with pytest.raises(BadSubmission, match="no receiver takes more"):
        checked(b"x" * (50 * 1024 * 1024 + 1))


def test_every_code_has_a_meaning_and_stands_in_the_guide():
    assert list(MEANINGS) == list(Code)
    guide = Path(__file__).parents[3] / "docs" / "checks.md"
    text = guide.read_text(encoding="utf-8")
    assert [each for each in Code if f"`{each}`" not in text] == []


def test_labels_that_look_like_addresses_of_their_own():
    assert shown_host("https://Bank.test/login") == "bank.test"
    assert shown_host("www.bank.test now") == "bank.test"
    assert shown_host("bank.test/login") == "bank.test"
    assert shown_host("Save 5.50 today") is None
    assert shown_host("click here") is None


# --- hostile input ---------------------------------------------------------------------------


def ended(work):
    """What is quadratic here takes minutes: that it ends at all is what is tested."""
    return work()


def test_ten_thousand_links_are_counted_and_told_in_few_lines(checked):
    html = "".join(f'<a href="/{n}">bank.test</a>\n' for n in range(10_000))
    done = ended(lambda: checked(with_body(html)))
    assert done.links == 10_003
    assert done.more == {"link_relative": 10_000 - OF_A_CODE}
    assert "links_many" in [code for code, _ in found(done)]


@pytest.mark.parametrize(
    "html",
    [
        "<a href='" * 50_000,
        "<" * 300_000,
        "<a " * 100_000,
        "<a href=x>" * 50_000,
        "<!--" * 100_000,
        "<script>" * 50_000,
        "&" * 300_000,
        "<img src='data:image/png;base64," + "A" * 400_000 + "' alt>",
        "https://" * 50_000,
        "unsubscri" * 50_000,
    ],
)
def test_broken_html_is_read_in_one_pass(checked, html):
    ended(lambda: checked(with_body(html)))


def test_a_base64_bomb_and_deep_parts_end_in_words(checked):
    bomb = base64.encodebytes(b"\0" * 20_000_000).decode()
    head = "From: A <a@lab.test>\nSubject: Hi\n"
    source = f"{head}Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n{bomb}"
    codes = [code for code, _ in found(ended(lambda: checked(source)))]
    assert "message_too_large" in codes
    deep = head + "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000)
    )
    codes = [code for code, _ in found(ended(lambda: checked(deep)))]
    assert codes == ["message_unreadable"]


OFF = configuration_from(CONFIGURATION, "m.toml").tracking


@given(st.text(alphabet="<>\"'=a href/img!-&;{}%:\n.", max_size=200))
def test_any_text_is_read(text):
    page = read_page(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert all(1 <= each.line <= lines for each in (*page.links, *page.images))


@given(st.binary(max_size=300))
def test_any_bytes_end_in_findings_or_words(content):
    from lab.checks.checking import CHECKS
    from lab.checks.letter import Surroundings
    from mta.errors import BadTemplate

    try:
        letter = read_letter(content, "m.eml", [], Surroundings(frozenset({"lab.test"})), 0.0, OFF)
    except BadTemplate:
        return
    for each in CHECKS:
        list(each(letter))
