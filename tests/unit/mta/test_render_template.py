"""Rendering, case by case."""

import email
import email.policy

import pytest

from mta.errors import PersonalizationError
from mta.render import Personal, compile_source
from mta.render import expression as expression_file

HEAD = b"From: Shop <shop@lab.test>\nSubject: Hi\n"


def personal(fields=None, address="ada@alpha.test", list_id=None):
    return Personal(
        message_id=7,
        delivery_id=3,
        address=address,
        fields=fields or {},
        date=1_700_000_000.5,
        message_id_header="<3.7@lab.test>",
        return_path="bounce+3-7@lab.test",
        list_id=list_id,
    )


def rendered(source, fields=None, **more):
    return compile_source(source, "mail.eml").render(personal(fields, **more))


def read(source, fields=None, **more):
    content = rendered(source, fields, **more).content
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
    # Read with plain line ends, so that texts compare as people write them.
    return email.message_from_bytes(content.replace(b"\r\n", b"\n"), policy=email.policy.default)


def raw_headers(source, fields=None, **more):
    head = rendered(source, fields, **more).content.partition(b"\r\n\r\n")[0]
    return head.decode().replace("\r\n ", " ").split("\r\n")


def test_the_headers_of_the_source_come_first_and_in_order_then_those_of_the_message():
    source = b"X-Job: {{ job }}\n" + HEAD + b"To: {{ name }} <{{ address }}>\n\nhello\n"
    assert raw_headers(source, {"job": "17", "name": "Ada"}, list_id="<d3.lab.test>") == [
        "X-Job: 17",
        "From: Shop <shop@lab.test>",
        "Subject: Hi",
        "To: Ada <ada@alpha.test>",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID: <3.7@lab.test>",
        "List-Id: <d3.lab.test>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
    ]


def test_headers_that_belong_to_one_message_or_to_no_reader_are_not_taken_from_the_source():
    source = (
        b"Return-Path: <x@y.test>\nReceived: from a\n by b\nDate: then\nMessage-ID: <1@2>\n"
        b"Bcc: secret@y.test\nDKIM-Signature: v=1\nMIME-Version: 1.0\n" + HEAD + b"\nx\n"
    )
    names = [each.partition(":")[0] for each in raw_headers(source)]
    assert names == [
        "From", "Subject", "To", "Date", "Message-ID", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert b"secret" not in rendered(source).content


def test_without_to_in_the_source_the_recipient_stands_there():
    assert read(HEAD + b"\nx\n", address="bob@beta.test")["To"] == "bob@beta.test"


def test_a_list_id_of_the_source_is_kept_and_no_second_one_added():
    source = HEAD + b"List-Id: <news.lab.test>\n\nx\n"
    assert read(source, list_id="<other.test>").get_all("List-Id") == ["<news.lab.test>"]


def test_the_same_message_comes_out_the_same_at_each_attempt():
    source = HEAD + b"\nhello {{ name }}\n"
    assert rendered(source, {"name": "Ada"}) == rendered(source, {"name": "Ada"})


def test_fields_are_escaped_in_html_and_left_alone_in_text():
    text = HEAD + b"Content-Type: text/plain; charset=utf-8\n\n{{ name }}\n"
    html = HEAD + b"Content-Type: text/html; charset=utf-8\n\n<p>{{ name }}</p>\n"
    fields = {"name": "<b>&"}
    assert read(text, fields).get_content() == "<b>&\n"
    assert read(html, fields).get_content() == "<p>&lt;b&gt;&amp;</p>\n"


@pytest.mark.parametrize("bad", ["a\nBcc: x@y.test", "a\r\n\r\nbody", "a\0b", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize("header", ["Subject", "X-Note", "Reply-To", "List-Unsubscribe"])
def test_no_field_can_break_out_of_its_header(header, bad):
    value = b"{{ bad }} <a@b.test>" if header == "Reply-To" else b"{{ bad }}"
    source = b"From: a@b.test\n" + header.encode() + b": " + value + b"\n\nx\n"
    with pytest.raises(PersonalizationError) as caught:
        rendered(source, {"bad": bad})
    assert caught.value.part == header


def test_a_line_break_in_a_header_is_named_as_such():
    with pytest.raises(PersonalizationError, match="Subject: the value holds a line break"):
        rendered(b"From: a@b.test\nSubject: {{ x }}\n\nx\n", {"x": "a\nb"})


def test_no_field_can_add_an_address():
    source = HEAD + b"To: {{ first }} {{ last }} <{{ address }}>\n\nx\n"
    to = read(source, {"first": 'A", <evil@x.test>,', "last": "B (c)"})["To"]
    assert [(each.display_name, each.addr_spec) for each in to.addresses] == [
        ('A", <evil@x.test>, B (c)', "ada@alpha.test")
    ]


@pytest.mark.parametrize(
    "address", ["a@b.test, c@d.test", "a@b.test>", "a b@c.test", "a@b..test", "@b.test", "a", ""]
)
def test_a_field_that_is_no_address_cannot_stand_for_one(address):
    with pytest.raises(PersonalizationError, match="is not a"):
        rendered(HEAD + b"Reply-To: Us <{{ reply }}>\n\nx\n", {"reply": address})


def test_no_field_can_add_a_link_to_list_unsubscribe():
    source = HEAD + b"List-Unsubscribe: <https://lab.test/u?a={{ code }}>\n\nx\n"
    with pytest.raises(PersonalizationError, match="urlencode"):
        rendered(source, {"code": "1>, <https://evil.test"})


def test_urlencode_lets_any_field_stand_in_a_link():
    source = HEAD + b"List-Unsubscribe: <https://lab.test/u?a={{ code | urlencode }}>\n\nx\n"
    found = read(source, {"code": "1>, <é"})["List-Unsubscribe"]
    assert found == "<https://lab.test/u?a=1%3E%2C%20%3C%C3%A9>"


def test_a_missing_field_is_named_with_the_part_that_asks_for_it():
    with pytest.raises(PersonalizationError) as caught:
        rendered(HEAD + b"\nhello {{ frist_name }}\n", {"first_name": "Ada"})
    assert (caught.value.field, caught.value.part) == ("frist_name", "text/plain part")


@pytest.mark.parametrize(
    "expression",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ name.__init__.__globals__ }}",
        "{{ 1 / 0 }}",
        "{{ name + 1 }}",
        "{{ name[99] }}",
        "{{ 'x' * 99999999 }}",
        "{{ 9 ** 99999999 }}",
        "{{ range(999999999) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_what_the_sandbox_forbids_or_an_expression_cannot_do_fails_this_message_alone(expression):
    with pytest.raises(PersonalizationError) as caught:
        rendered(HEAD + b"\n" + expression.encode() + b"\n", {"name": "Ada"})
    assert caught.value.part == "text/plain part"


def test_output_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(expression_file, "OUTPUT_MAX", 1000)
    loop = b"{% for a in range(9999) %}{% for b in range(9999) %}xxxx{% endfor %}{% endfor %}"
    with pytest.raises(PersonalizationError, match="more than 1000 characters"):
        rendered(HEAD + b"\n" + loop + b"\n")


def test_half_a_surrogate_pair_fails_the_message_and_nothing_else():
    with pytest.raises(PersonalizationError, match="surrogate"):
        rendered(HEAD + b"\n{{ name }}\n", {"name": "\ud800"})
    with pytest.raises(PersonalizationError, match="U\\+D800"):
        rendered(b"From: a@b.test\nSubject: {{ name }}\n\nx\n", {"name": "\ud800"})


def test_an_international_domain_goes_out_in_ascii():
    one = rendered(HEAD + b"\nx\n", address="ada@b\u00fccher.test")
    assert b"To: ada@xn--bcher-kva.test\r\n" in one.content
    assert not one.needs_smtputf8


def test_a_local_part_beyond_ascii_needs_smtputf8_and_stands_raw():
    one = rendered(HEAD + b"\nx\n", address="jos\u00e9@alpha.test")
    assert "To: jos\u00e9@alpha.test\r\n".encode() in one.content
    assert one.needs_smtputf8


def test_a_recipient_beyond_ascii_needs_smtputf8_even_where_to_does_not_show_it():
    source = HEAD + b"To: all@alpha.test\n\nx\n"
    assert rendered(source, address="jos\u00e9@alpha.test").needs_smtputf8


def test_encoded_words_of_the_source_are_read_before_they_are_filled_in():
    source = (
        b"From: =?utf-8?q?Caf=C3=A9=2C_Paris?= <shop@lab.test>\n"
        b"Subject: =?utf-8?b?R3LDvMOfZSw=?=\n =?utf-8?q?_=7B=7B_name_=7D=7D?=!\n\nx\n"
    )
    found = read(source, {"name": "J\u00f6rg"})
    assert found["Subject"] == "Gr\u00fc\u00dfe, J\u00f6rg!"
    assert found["From"].addresses[0].display_name == "Caf\u00e9, Paris"


def test_names_with_specials_are_quoted_and_an_empty_name_leaves_the_address_alone():
    source = (
        HEAD + b'To: "{{ last }}, {{ first }}" <{{ address }}>\nCc: {{ empty }} <c@d.test>\n\nx\n'
    )
    lines = raw_headers(source, {"last": "O'Neill", "first": 'A. "B"', "empty": ""})
    assert 'To: "O\'Neill, A. \\"B\\"" <ada@alpha.test>' in lines
    assert "Cc: c@d.test" in lines


def test_a_conditional_name_is_one_name():
    source = (
        HEAD + b"To: {% if t %}{{ t }} {% endif %}{{ n }} <{{ address }}>, Bob <b@c.test>\n\nx\n"
    )
    assert raw_headers(source, {"t": "Dr", "n": "Who"})[2] == (
        "To: Dr Who <ada@alpha.test>, Bob <b@c.test>"
    )


def test_attachments_and_inline_images_come_out_octet_by_octet():
    source = (
        HEAD + b"Content-Type: multipart/related; boundary=rr\n\n--rr\nContent-Type: text/html\n\n"
        b"<img src='cid:logo'>{{ name }}\n--rr\nContent-Type: image/png; name=l.png\n"
        b'Content-ID: <logo>\nContent-Disposition: inline; filename="b\xc3\xbc ro.png"\n'
        b"Content-Transfer-Encoding: base64\n\nAAECAwQ=\n--rr\nContent-Type: text/csv\n"
        b"Content-Disposition: attachment; filename=a.csv\n\na;{{ b }}\n--rr--\n"
    )
    html, image, table = read(source, {"name": "Ada"}).iter_parts()
    assert html.get_content() == "<img src='cid:logo'>Ada"
    assert image.get_content() == bytes(range(5))
    assert (image["Content-ID"], image.get_filename()) == ("<logo>", "b\u00fc ro.png")
    assert table.get_payload(decode=True) == b"a;{{ b }}"


def test_a_long_file_name_is_continued_over_lines():
    name = "r\u00e9sum\u00e9 " * 30 + ".pdf"
    source = (
        HEAD + b'Content-Type: application/pdf\nContent-Disposition: attachment; filename="'
        + name.encode() + b'"\n\nx\n'
    )  # fmt: skip
    content = rendered(source).content
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert read(source).get_filename() == name


def test_a_message_within_the_message_stays_as_it_is():
    source = (
        HEAD + b"Content-Type: multipart/mixed; boundary=m\n\n--m\n\nhi {{ name }}\n--m\n"
        b"Content-Type: message/rfc822\n\nSubject: inner {{ x }}\n\nbody\n--m--\n"
    )
    _, inner = read(source, {"name": "Ada"}).iter_parts()
    assert inner.get_content()["Subject"] == "inner {{ x }}"


def test_texts_in_other_charsets_go_out_in_utf_8():
    source = (
        HEAD + b"Content-Type: text/plain; charset=iso-8859-1; format=flowed\n\ncaf\xe9 {{ x }}\n"
    )
    found = read(source, {"x": "\u20ac"})
    assert found.get_content() == "caf\u00e9 \u20ac\n"
    assert found["Content-Type"].params == {"charset": "utf-8", "format": "flowed"}


def test_a_fixed_text_takes_the_encoding_that_fits_it():
    def encoding(body):
        source = HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + body
        return read(source)["Content-Transfer-Encoding"]

    assert encoding(b"plain\n") == "7bit"
    assert encoding(b"caf\xc3\xa9 and a lot more\n") == "quoted-printable"
    assert encoding("\u4f60\u597d".encode() * 20) == "base64"
    assert encoding(b"x" * 2000) == "quoted-printable"


def test_boundaries_avoid_the_content_and_do_not_depend_on_the_fields():
    source = HEAD + b"Content-Type: multipart/mixed; boundary=m\n\n--m\n\n{{ x }}\n--m--\n"
    first = read(source, {"x": "a"}).get_boundary()
    assert read(source, {"x": f"--{first}--"}).get_boundary() == first
    parts = list(read(source, {"x": f"\n--{first}--\n"}).iter_parts())
    assert parts[0].get_content().replace("\r", "") == f"\n--{first}--\n"


def test_fields_are_told_with_the_line_where_they_first_stand():
    source = HEAD + b"To: {{ a }} <{{ address }}>\n\n\n{{ b }}\n{{ a }} {{ c | default('') }}\n"
    template = compile_source(source, "mail.eml")
    assert template.fields == {"a", "address", "b", "c"}
    assert {each.name: each.line for each in template.asked.values()} == {
        "a": 3, "address": 3, "b": 6, "c": 7,
    }  # fmt: skip


def test_a_field_that_is_no_column_is_told_with_its_place_and_the_nearest_column():
    template = compile_source(HEAD + b"\n{{ frist_name }} {{ zzz }} {{ nick | d }}\n", "mail.eml")
    near, far = template.unknown_fields(["first_name", "city"])
    assert str(near) == (
        "mail.eml:4: field 'frist_name' is not among the columns\n  Did you mean first_name?"
    )
    assert far.remedy == "The columns are address, city, first_name."


def test_lines_of_a_quoted_printable_text_are_those_of_the_file():
    source = (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n"
        b"one long =\nline\n{{ a }} =\n{{ b }}\n{{ c }}\n"
    )
    lines = {each.name: each.line for each in compile_source(source, "x").asked.values()}
    assert lines == {"a": 7, "b": 7, "c": 9}


def test_dots_at_the_start_of_a_line_are_not_doubled_here():
    assert b"\r\n..a\r\n" in rendered(HEAD + b"\n..a\n{{ x }}\n", {"x": "y"}).content
