"""Messages whose values are put between ready pieces equal those that are made the long way."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mail.address import is_usual
from mta.errors import PersonalizationError
from mta.render import Personal, compile_source, header_text
from mta.render.mime import PartSlot
from mta.render.splice import PHRASE, Encoded, Splice, lines_of

FIELDS = ("name", "town", "address")
PIECES = st.sampled_from(
    [
        *(f"{{{{ {name} }}}}" for name in FIELDS),
        *("{{ name }}", "\n", "\n", ".", "\n.", " ", "=", "é", "x", "a b", "\t\n", "=?", "?="),
        *("y" * 40, "z" * 90 + " ", "<p class='a'>", "\r", "- "),
    ]
)
BODIES = st.lists(PIECES, max_size=14).map("".join)
HEADS = st.lists(
    st.sampled_from(["{{ name }}", "{{ town }}", "News ", " for ", "é", "=", "?", "=?x", "w" * 50]),
    max_size=5,
).map("".join)
HARMLESS = st.text(st.sampled_from("abZ09 .,@_+-"), min_size=1, max_size=12).map(
    lambda text: f"a{text}b"
)
NEARLY = st.text(st.sampled_from("b .=?é<&'@"), max_size=4).map(lambda text: f"a{text}b")
ANY = HARMLESS | NEARLY | st.text(st.sampled_from("ab. =?é\r\n<&'\"\t\ud800,@"), max_size=8)
LONG = st.integers(1, 80).map(lambda size: "n" * size)
ADDRESSES = st.sampled_from(
    ["u@d.test", "a.b+c@d-e.f.test", "x" * 50 + "@d.test", "é@d.test", "a@b.c1", "a_b@xn--e1a.test"]
)


def without_quick_ways(template):
    head = [
        replace(each, quick=None) if hasattr(each, "quick") else each for each in template._head
    ]
    body = [
        replace(each, lines=()) if isinstance(each, PartSlot) else each for each in template._body
    ]
    return replace(template, _head=tuple(head), _body=tuple(body))


def outcome(template, message):
    try:
        made = template.render(message)
    except PersonalizationError as error:
        return str(error)
    assert not (made.is_dotless and b"\n." in made.content)
    return made.content, made.needs_smtputf8


@settings(max_examples=400)
@given(
    subject=HEADS,
    to=st.sampled_from(
        [
            "",
            "To: {{ name }} <{{ address }}>\n",
            "To: {{ address }}\n",
            "To: a {{ town }} <{{ name }}>\n",
        ]
    ),
    kind=st.sampled_from(["plain", "html"]),
    body=BODIES,
    name=ANY | LONG,
    town=HARMLESS,
    address=ADDRESSES,
)
@example("{{ name }}", "", "plain", "{{ name }}\n.{{ town }}\n", "ab", "cd", "u@d.test")
@example("{{ name }}", "", "html", "z" * 69 + " .{{ town }}.a b\n", "ab", "cd", "u@d.test")
def test_both_ways_make_the_same_bytes(subject, to, kind, body, name, town, address):
    source = (
        f"From: a@b.test\nSubject: {subject}\n{to}"
        f"Content-Type: text/{kind}; charset=utf-8\n\n{body}"
    ).encode()
    template = compile_source(source, "mail.eml")
    message = Personal(
        1, 2, address, {"name": name, "town": town}, 1.0, "<1.2@l.test>", "r@l.test", "<d@l.test>"
    )
    assert outcome(template, message) == outcome(without_quick_ways(template), message)


@given(st.text(st.sampled_from("ab1.-@_+Z\u00e9"), max_size=12) | ADDRESSES)
def test_plain_addresses_are_those_that_stay_as_they_are(address):
    if is_usual(address):
        long_way = header_text.mailboxes("To", [("", address)])
        assert long_way == f"To: {address}\r\n"


@given(st.text(st.sampled_from("ab1 .-Z\u00e9"), max_size=12))
def test_phrases_stay_as_they_are(name):
    if PHRASE(name) is not None:
        assert header_text.mailboxes("To", [(name, "a@b.test")]) == f"To: {name} <a@b.test>\r\n"


@given(st.lists(st.sampled_from(["a", "b\n", "\n", "c\nd", "", None]), max_size=8))
def test_lines_lose_and_move_nothing(texts):
    names = [(at, f"f{at}") for at, text in enumerate(texts) if text is None]
    texts = ["" if text is None else text for text in texts]
    values = {name: f"<{name}>" for _, name in names}
    found = list(lines_of(texts, names))
    for line in found[:-1]:
        assert (line if isinstance(line, str) else line.pieces[-1]).endswith("\n")
    for line in found:
        assert isinstance(line, str) or "\n" not in "".join(line.pieces)[:-1]
    whole = "".join(values.get(dict(names).get(at), text) for at, text in enumerate(texts))
    filled = [
        line
        if isinstance(line, str)
        else "".join(
            values.get(dict(line.places).get(at), each) for at, each in enumerate(line.pieces)
        )
        for line in found
    ]
    assert "".join(filled) == whole


def test_usual_mail_takes_the_quick_way():
    source = (
        b"From: a@b.test\nSubject: News for {{ name }}\nContent-Type: text/html; charset=utf-8\n\n"
        b"<p>Dear {{ name }} of {{ town }},</p>\n<p>\xc3\xa9t\xc3\xa9 ...</p>\n"
        b"<p style='font-family: Helvetica, Arial, sans-serif; color: #333'>Yours, {{ name }}</p>\n"
    )
    template = compile_source(source, "mail.eml")
    [slot] = [each for each in template._body if isinstance(each, PartSlot)]
    assert [type(each) for each in slot.lines] == [Splice, str, Encoded]
    assert slot.quick({"name": "Anna", "town": "Lyon"}) is not None
    assert template._head[1].quick is not None


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_each_character_is_harmless_or_goes_the_long_way(kind):
    source = (
        "From: a@b.test\nSubject: {{ name }}\nTo: {{ name }} <{{ address }}>\n"
        f"Content-Type: text/{kind}\n\n{{{{ name }}}}\n1 {{{{ name }}}}\n{{{{ name }}}} 2\n"
        f"{'y ' * 40} {{{{ name }}}}\n"
    )
    template = compile_source(source.encode(), "mail.eml")
    slow = without_quick_ways(template)
    for char in map(chr, [*range(0x180), 0x2028, 0xD800, 0x1F600]):
        for name in (char, f"{char}b", f"a{char}", f"a{char}b", f"a{char}{char}b", f"a {char} b"):
            message = Personal(1, 2, "u@d.test", {"name": name}, 1.0, "<1@l.test>", "r@l.test")
            assert outcome(template, message) == outcome(slow, message)


def test_a_dot_that_comes_to_begin_a_line_is_told():
    told = set()
    for column in range(60, 80):
        text = f"{'z' * column}{{{{ name }}}}....\n"
        source = f"From: a@b.test\nContent-Type: text/plain\n\n{text}"
        template = compile_source(source.encode(), "mail.eml")
        message = Personal(1, 2, "u@d.test", {"name": "ab"}, 1.0, "<1@l.test>", "r@l.test")
        made = template.render(message)
        told.add((made.is_dotless, b"\n." in made.content))
    assert (True, True) not in told
    assert {(True, False), (False, True)} <= told


def test_a_header_whose_name_begins_with_a_dot_is_told():
    template = compile_source(b"From: a@b.test\n.X: y\n\nHi {{ name }}\n", "mail.eml")
    made = template.render(
        Personal(1, 2, "u@d.test", {"name": "ab"}, 1.0, "<1@l.test>", "r@l.test")
    )
    assert b"\n.X: y\r\n" in made.content
    assert not made.is_dotless
