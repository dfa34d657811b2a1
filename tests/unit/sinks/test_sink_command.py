import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.reply import Reply
from sinks.command import TOO_LARGE, Path, forward_path, reverse_path


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@b.test>", "a@b.test"),
        ("from: <a@b.test>", "a@b.test"),
        ("FROM:<>", ""),
        ('FROM:<"a b"@c.test>', '"a b"@c.test'),
        ("FROM:<@relay.test,@other.test:a@b.test>", "a@b.test"),
        ("FROM:<a@b.test> SIZE=1000 BODY=8BITMIME", "a@b.test"),
        ("FROM:<zoë@b.test> SMTPUTF8", "zoë@b.test"),
    ],
)
def test_mail_names_a_sender(argument, address):
    path = reverse_path(argument, 2000)
    assert isinstance(path, Path)
    assert path.address == address


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (None, 501),
        ("", 501),
        ("FROM:", 501),
        ("FROM:a@b.test", 501),
        ("TO:<a@b.test>", 501),
        ("FROM:<a@b.test>X", 501),
        ("FROM:<a>", 553),
        ("FROM:<a@>", 553),
        ("FROM:<@b.test>", 553),
        ("FROM:<a\udcff@b.test> SMTPUTF8", 553),
        ('FROM:<"a\rb"@c.test>', 553),
        ("FROM:<zoë@b.test>", 553),
        ("FROM:<zoë@b.test> SIZE=3", 553),
        ("FROM:<a@b.test> RET=FULL", 555),
        ("FROM:<a@b.test> SIZE=many", 501),
        ("FROM:<a@b.test> BODY=9BIT", 501),
        ("FROM:<a@b.test> SIZE=2001", 552),
    ],
)
def test_what_is_wrong_with_mail_is_answered(argument, code):
    reply = reverse_path(argument, 2000)
    assert isinstance(reply, Reply)
    assert reply.code == code
    assert reply.enhanced is not None
    assert (code == 552) == (reply == TOO_LARGE)


@pytest.mark.parametrize("argument", ["TO:<a@b.test>", "to:<Postmaster>"])
def test_rcpt_names_a_recipient(argument):
    assert isinstance(forward_path(argument, allows_utf8=False), Path)


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("TO:<>", 501),
        ("TO:<anna>", 553),
        ("TO:<zoë@b.test>", 553),
        ("TO:<a@b.test> NOTIFY=NEVER", 555),
    ],
)
def test_what_is_wrong_with_rcpt_is_answered(argument, code):
    reply = forward_path(argument, allows_utf8=False)
    assert isinstance(reply, Reply)
    assert reply.code == code


def test_rcpt_takes_utf8_after_smtputf8():
    assert forward_path("TO:<zoë@b.test>", allows_utf8=True) == Path("zoë@b.test", {})


@given(st.text())
def test_any_argument_is_answered_or_read(text):
    assert isinstance(reverse_path("FROM:" + text, 10), Path | Reply)
    assert isinstance(forward_path("TO:<" + text, allows_utf8=True), Path | Reply)
