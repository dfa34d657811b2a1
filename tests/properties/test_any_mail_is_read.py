"""Whatever a sink received, the inbox shows it: nothing that a mail holds makes reading fail."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from lab.inbox.index import Entry
from lab.inbox.mailbox import Opened
from lab.inbox.mime import Mail
from lab.inbox.summary import summary_of, words_for_search
from lab.web.inbox_api.forms import headers, whole
from lab.web.mail_view import leads_of, part_answer, preview
from sinks.receipts import Receipt

RECEIPT = Receipt("mx-0", 1.0, "mx", "127.0.0.1", "x", False, "", ("a@b.test",), None, 1, "", None)
ENTRY = Entry(1.0, "mx", 0, 0, 0, 0, 0, 0)
NAMES = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Type",
    "Content-Disposition",
    "Content-Transfer-Encoding",
    "Content-ID",
    "X-Tags",
    "List-Unsubscribe",
    "Bcc",
    "Reply-To",
)
PIECES = (
    b"=?utf-8?q?=FF?=",
    b"=?x?b?//?=",
    b"=?utf-8?b?A?=",
    b"multipart/mixed; boundary=b",
    b"\xff\xfe",
    b"text/html; charset=no-such",
    b"text/plain; charset*=x''%FF",
    b'message/rfc822; name="',
    b"base64",
    b"multipart/alternative",
    b"text/html; charset=\xff",
    b"attachment; filename*=utf-8''%E2%82",
    b"inline; filename*0*=x'y'%00; filename*1=b",
    b"<a@b>",
    b"a, b <c@d>, ",
    b"quoted-printable",
    b"x-uuencode",
    b"Thu, 99 Nov 99999 99:99:99 +9999",
    b"(",
    b"\\",
    b'"',
    b"@",
    b";",
    b"\r\n ",
    b"\0",
    b"image/png",
    b"application/octet-stream",
    b"text/plain; charset=idna",
    b"text/plain; charset=zip",
    b"text/plain; charset=unicode_escape",
    b"text/html; charset=undefined",
    b"text/plain; charset=utf-7",
)
BODIES = (
    b"--b\r\n",
    b"--b--\r\n",
    b"\r\n",
    b"<p>x</p>",
    b"<a href='x",
    b"<!--",
    b"<![CDATA[",
    b"&#xD800;",
    b"&#99999999999;",
    b"cid:a@b",
    b"=FF=\r\n",
    b"begin 666 x\r\n",
    b"\xed\xa0\x80",
    b"<img src=//x>",
    b"<!doctype [",
    b"<?x",
    b"</",
    b"<a href=http://[x>y</a>",
    b"+2AA-",
    b"\\ud800",
)
line = st.builds(
    lambda name, pieces: name.encode() + b": " + b"".join(pieces) + b"\r\n",
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=4),
)
block = st.builds(
    lambda lines, bodies: b"".join(lines) + b"\r\n" + b"".join(bodies),
    st.lists(line, max_size=5),
    st.lists(st.sampled_from(BODIES) | st.binary(max_size=6), max_size=5),
)
mails = st.builds(b"--b\r\n".join, st.lists(block, min_size=1, max_size=3))


@given(raw=mails | st.binary(max_size=200))
def test_any_mail_is_read(raw):
    mail = Mail(raw)
    summary = summary_of(RECEIPT, mail)
    assert b"\t" not in orjson.dumps(summary.as_line())
    assert b"\n" not in orjson.dumps(words_for_search(summary, mail))
    orjson.dumps(whole(Opened(ENTRY, RECEIPT, mail, ())))
    orjson.dumps(headers(mail))
    orjson.dumps(list(map(list, leads_of(mail).links)))
    assert preview(mail).headers["content-security-policy"].endswith("sandbox")
    for each in mail.parts:
        assert part_answer(each).headers["content-disposition"]
