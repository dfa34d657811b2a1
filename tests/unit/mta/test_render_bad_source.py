"""Message sources that cannot be compiled, and what is said about them."""

import pytest

from mta.errors import BadTemplate
from mta.render import compile_source

FROM = b"From: a@b.test\n"
MULTI = FROM + b"Content-Type: multipart/mixed; boundary=m\n\n"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        (b"", 1, "empty"),
        (b"\n", 1, "no From"),
        (b"Subject: x\n\nx\n", 1, "no From"),
        (b"From a@b Mon\nFrom: a@b.test\n\nx\n", 1, "mailbox file"),
        (FROM + b"Subject: x\nFrom: c@d.test\n\nx\n", 3, "second From"),
        (b"From: a@b.test, c@d.test\n\nx\n", 1, "more than one address"),
        (b"From: nobody\n\nx\n", 1, "not an address"),
        (b"From:\n\nx\n", 1, "names no address"),
        (FROM + b"To: friends: a@b.test;\n\nx\n", 2, "':' cannot stand here"),
        (FROM + b"To: a@b.test (Ada)\n\nx\n", 2, "'(' cannot stand here"),
        (FROM + b"To: Ada <a@b.test\n\nx\n", 2, "not closed"),
        (FROM + b'To: "Ada <a@b.test>\n\nx\n', 2, "not closed"),
        (FROM + b"To: Ada <a@b.test> Bob\n\nx\n", 2, "comma must follow"),
        (FROM + b"Subject: a\nno header\n\nx\n", 3, "neither a header"),
        (FROM + b"Subject: caf\xe9\n\nx\n", 2, "not UTF-8"),
        (FROM + b"Subject: a\n {{ x \n\nx\n", 2, "unexpected"),
        (FROM + b"Subject: =?klingon?q?a?=\n\nx\n", 2, "encoded word"),
        (FROM + b"Subject: =?utf-8?q?a=0Ab?=\n\nx\n", 2, "line break"),
        (FROM + b"List-Unsubscribe: <https://caf\xc3\xa9.test>\n\nx\n", 2, "ASCII"),
        (FROM + b"\nline\n{% if a %}\n\n{{ b | nonsense }}\n{% endif %}", 6, "nonsense"),
        (FROM + b"\n\n{% for a in b %}\n", 4, "Unexpected end of template"),
        (FROM + b"\n\n{% include 'x' %}\n", 3, "cannot be included"),
        (FROM + b"Content-Type: text/plain; charset=klingon\n\nx\n", 4, "no known character set"),
        (FROM + b"Content-Type: text/plain; charset=utf-8\n\na\n\xe9\n", 5, "is not utf-8"),
        (FROM + b"Content-Transfer-Encoding: rot13\n\nx\n", 2, "no known transfer encoding"),
        (FROM + b"Content-Transfer-Encoding: base64\n\n!!!!!\n", 4, "cannot be decoded"),
        (FROM + b"Content-Type: multipart/mixed\n\nx\n", 1, "boundary"),
        (MULTI + b"x\n", 1, "boundary"),
        (MULTI + b"--m\n\nx\n", 1, "close boundary"),
        (MULTI + b"--m\nContent-Type: text/html\n\n<p>\n{{ }}\n--m--\n", 8, "Expected an"),
        (
            MULTI + b"--m\nContent-Type: image/png\nContent-Disposition: attachment;"
            b" filename={{ f }}.png\n\nx\n--m--\n",
            6,
            "cannot stand here",
        ),
        (MULTI + b"--m\nContent-Type: message/partial\n\nx\n--m--\n", 5, "message/partial"),
    ],
)  # fmt: skip
def test_a_bad_source_is_refused_with_its_line(source, line, says):
    with pytest.raises(BadTemplate) as caught:
        compile_source(source, "mail.eml")
    assert says in caught.value.what
    assert str(caught.value.where).startswith(f"mail.eml:{line}")


def test_nesting_beyond_what_python_compiles_is_a_bad_template_and_no_crash():
    deep = b"{% for a in b %}" * 30 + b"{% endfor %}" * 30
    with pytest.raises(BadTemplate, match="nested too deeply"):
        compile_source(FROM + b"\n" + deep, "mail.eml")
