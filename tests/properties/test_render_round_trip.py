"""Whatever the fields: what a reader gets is what was meant, and nothing more.

The reference builds the same message with email.message.EmailMessage, slowly and obviously; both
are read back by Python's own parser.
"""

import base64
import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from html import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mail.address import BadAddress, parse_address
from mta.errors import PersonalizationError
from mta.render import Personal, compile_source

IMAGE = bytes(range(256)) * 3
TABLE = "name;café\r\nx\ty\n{{ not_filled }}\r".encode()
SOURCE = b"""\
From: {{ shop }} <shop@lab.test>
To: "{{ last }}, {{ first }}" <{{ address }}>
Subject: {{ subject }}
X-Note: for {{ first }} only
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Dear {{ first }},
{{ story }}.
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p>Dear {{ first }}</p><pre>{{ story }}</pre>
<img src="cid:logo@lab">
--r
Content-Type: image/png
Content-ID: <logo@lab>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

%s
--r--
--a--
--m
Content-Type: text/csv; charset=utf-8
Content-Disposition: attachment; filename="t\xc3\xa4ble.csv"
Content-Transfer-Encoding: base64

%s
--m--
""" % (base64.encodebytes(IMAGE).strip(), base64.encodebytes(TABLE).strip())
unhurried = settings(deadline=None)  # what takes long is Python's parser
TEMPLATE = compile_source(SOURCE, "mail.eml")

# Python's parser reads a few characters in headers otherwise than others do; see the next test.
CONTROLS = "".join(map(chr, [*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029]))
letters = st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS)
nasty = st.sampled_from(
    [" ", "  ", "\t", '"', "\\", ",", "<x@y.test>", "=?utf-8?q?a?=", "é", "=", "@"]
)
header_texts = st.lists(letters | nasty, max_size=40).map("".join) | st.text("ab é", max_size=300)
body_texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n .=")
) | st.text("a \n.", max_size=400)
any_texts = st.text()


def message(**fields):
    return Personal(
        message_id=7,
        delivery_id=3,
        address="ada@alpha.test",
        fields=fields,
        date=1.7e9,
        message_id_header="<3.7@lab.test>",
        return_path="bounce+3-7@lab.test",
    )


def reference(first, story):
    """The same message made by the email package, with its parts in the same order."""
    made = EmailMessage()
    for name in ("From", "To", "Subject", "X-Note", "Date", "Message-ID"):
        made[name] = "x@y.test" if name in {"From", "To"} else "x"
    made.set_content(f"Dear {first},\n{story}.\n", cte="base64")
    made.add_alternative(
        f'<p>Dear {escape(first)}</p><pre>{escape(story)}</pre>\n<img src="cid:logo@lab">\n',
        subtype="html",
        cte="base64",
    )
    _, html = made.iter_parts()
    html.add_related(
        IMAGE, "image", "png", cid="<logo@lab>", disposition="inline", filename="logo.png"
    )
    made.add_attachment(TABLE, "text", "csv", filename="täble.csv")
    return email.message_from_bytes(
        made.as_bytes(policy=email.policy.SMTP), policy=email.policy.default
    )


def line_ends(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def unspaced(name):
    """Without white space, with which Python's parser is loose in display names."""
    return "".join(name.split())


def unfolded(content):
    head = content.partition(b"\r\n\r\n")[0].decode()
    return head.replace("\r\n ", " ").split("\r\n")


def display_name(content, header):
    """The name of the header's one mailbox to the letter, by a reader of a few lines."""
    (line,) = [each for each in unfolded(content) if each.startswith(f"{header}: ")]
    phrase = line.removeprefix(f"{header}: ").rpartition("<")[0].removesuffix(" ")
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return str(make_header(decode_header(phrase))) if "=?" in phrase else phrase


def shape(part):
    """What a reader sees of a part's structure."""
    inner = [shape(each) for each in part.iter_parts()]
    kind = part.get_content_type()
    return kind, part["Content-ID"], part.get_content_disposition(), part.get_filename(), inner


def leaves(part):
    return [each for each in part.walk() if not each.is_multipart()]


def read(content):
    return email.message_from_bytes(content, policy=email.policy.default)


@unhurried
@given(header_texts, header_texts, header_texts, header_texts, body_texts)
def test_a_reader_gets_back_each_text_each_file_and_the_structure(
    shop, first, last, subject, story
):
    fields = {"shop": shop, "first": first, "last": last, "subject": subject, "story": story}
    content = TEMPLATE.render(message(**fields)).content
    got = read(content)
    wanted = reference(first, story)
    assert shape(got) == shape(wanted)
    assert sorted(got.keys()) == sorted(wanted.keys())
    for one, other in zip(leaves(got), leaves(wanted), strict=True):
        one_octets, other_octets = (each.get_payload(decode=True) for each in (one, other))
        if one.get_content_disposition() is None:
            one_text, other_text = line_ends(one_octets.decode()), line_ends(other_octets.decode())
            if one.get_content_subtype() == "html":
                other_text = other_text.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
                one_text, other_text = (
                    one_text.replace('"', "&#34;"),
                    other_text.replace('"', "&#34;"),
                )
            # The last line end before a boundary belongs to the boundary.
            assert one_text == other_text.removesuffix("\n")
        else:
            assert one_octets == other_octets
    assert str(got["Subject"]) == subject
    assert got["X-Note"] == f"for {first} only"
    (sender,) = got["From"].addresses
    (to,) = got["To"].addresses
    assert sender.addr_spec == "shop@lab.test"
    assert unspaced(sender.display_name) == unspaced(shop)
    assert display_name(content, "From") == shop.strip(" ")
    assert display_name(content, "To") == f"{last}, {first}".strip(" ")
    assert to.addr_spec == "ada@alpha.test"
    assert unspaced(to.display_name) == unspaced(f"{last}, {first}")


@unhurried
@given(any_texts, any_texts, any_texts, any_texts)
@example("a\r\nBcc: x@y.test", "", "", "")
@example("", "a\n\n--m--", "", "")
def test_no_field_adds_a_header_a_line_or_a_part(shop, first, subject, story):
    fields = {"shop": shop, "first": first, "last": first, "subject": subject, "story": story}
    try:
        content = TEMPLATE.render(message(**fields)).content
    except PersonalizationError:
        assert any(each in shop + first + subject for each in CONTROLS) or any(
            0xD800 <= ord(char) < 0xE000 for char in shop + first + subject + story
        )
        return
    assert content.isascii()
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    head = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line.partition(b":")[0] for line in head if line[:1] not in b" \t"] == [
        b"From", b"To", b"Subject", b"X-Note", b"Date", b"Message-ID", b"MIME-Version",
        b"Content-Type",
    ]  # fmt: skip
    assert all(line.strip() for line in head)
    assert len(leaves(read(content))) == 4


@unhurried
@given(st.text("ab ", min_size=1, max_size=40).map(lambda text: text * 60))
def test_long_header_texts_are_folded_without_loss(subject):
    content = TEMPLATE.render(
        message(shop="s", first="f", last="l", subject=subject, story="")
    ).content
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert str(read(content)["Subject"]) == subject


@unhurried
@given(st.text() | st.sampled_from(["josé", "a.b", '"a b"']), st.text() | st.just("bücher.test"))
def test_an_address_from_a_field_stands_as_it_is_or_fails_the_message(local, domain):
    template = compile_source(b"From: a@b.test\nTo: X <{{ to }}>\n\nx\n", "mail.eml")
    text = f"{local}@{domain}".strip(" ")
    try:
        wanted = parse_address(text)
    except BadAddress:
        with pytest.raises(PersonalizationError):
            template.render(message(to=text))
        return
    made = template.render(message(to=text))
    assert f"To: X <{wanted}>" in unfolded(made.content)
    assert made.needs_smtputf8 == wanted.needs_smtputf8
