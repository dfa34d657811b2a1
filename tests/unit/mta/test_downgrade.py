"""8-bit messages for servers that take 7 bits (RFC 6152)."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.outcome import Stage
from mta.session.dialogue import Dialogue, Envelope, Offers
from mta.session.downgrade import seven_bit

PLAIN = Offers(pipelining=True)
HEAD = (
    b"Subject: a subject line of a length that a library would like to fold, if only it might\r\n"
)
UTF8 = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"


def bodies(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    return [
        part.get_payload(decode=True).replace(b"\r\n", b"\n")
        for part in message.walk()
        if not part.is_multipart()
    ]


def test_text_becomes_quoted_printable_and_its_headers_stay():
    changed = seven_bit(HEAD + b"MIME-Version: 1.0\r\n" + UTF8 + "\r\ngrüße\r\n.\r\n".encode())
    assert changed == (
        HEAD + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BC=C3=9Fe\r\n=2E\r\n"
    )


def test_a_message_without_mime_says_that_it_has_become_one():
    changed = seven_bit(HEAD + b"\r\n\xff\r\n")
    assert b"Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n" in changed


def test_each_part_is_encoded_by_its_kind_and_7_bit_parts_stay():
    content = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n" + UTF8 + b"\r\n\xc3\xbc\r\n"
        b"--b\r\n\r\nplain = ascii\r\n"
        b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\xff\xfe\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + UTF8 + b"\r\n\xc3\xa4\r\n--b--\r\n"
    )
    changed = seven_bit(content)
    assert changed.isascii()
    assert bodies(changed) == [b"\xc3\xbc", b"plain = ascii", b"\xff\xfe", b"\xc3\xa4"]
    assert changed.count(b"base64") == 1
    assert changed.count(b"quoted-printable") == 2
    assert b"8bit" not in changed


@pytest.mark.parametrize(
    "content",
    [
        "Subject: grüße\r\n\r\nx\r\n".encode(),
        b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xff\r\n--b--\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n\xff\r\n--b\r\n\r\nx\r\n--b--\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno part is here \xff\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n\xff\r\n",
    ],
)
def test_what_would_be_harmed_is_left_alone(content):
    assert seven_bit(content) is None


@given(
    st.text(
        st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\x00"), max_size=300
    )
)
def test_the_text_is_the_same_afterwards(text):
    body = text.replace("\n", "\r\n").encode()
    changed = seven_bit(b"Subject: x\r\n" + UTF8 + b"\r\n" + body)
    assert changed is not None
    assert changed.isascii()
    assert bodies(changed) == [text.encode()]
    assert max(map(len, changed.split(b"\r\n"))) <= 998


@given(st.binary(max_size=200))
def test_no_content_crashes_it_and_what_comes_out_is_7_bit(content):
    changed = seven_bit(content)
    assert changed is None or changed.isascii()


def test_a_server_without_8bitmime_gets_the_message_in_7_bits():
    content = b"Subject: x\r\n" + UTF8 + b"\r\n\xc3\xbc\r\n"
    envelope = Envelope(1, "a@x.test", "b@y.test", content)
    dialogue = Dialogue(Offers(pipelining=True, size=0))
    assert dialogue.offer(envelope) is None
    commands = dialogue.take_output()
    assert b"BODY=8BITMIME" not in commands
    dialogue.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    written = dialogue.take_output()
    assert b"\r\n\r\n=C3=BC\r\n.\r\n" in written
    (answered,) = dialogue.receive(b"250 queued\r\n")
    assert answered.envelope is envelope


def test_the_size_that_counts_is_that_of_what_would_be_sent():
    content = b"Subject: x\r\n" + UTF8 + b"\r\n" + b"\xff" * 100 + b"\r\n"
    envelope = Envelope(1, "a@x.test", "b@y.test", content)
    limit = len(content) + 10
    assert Dialogue(Offers(eightbitmime=True, size=limit)).offer(envelope) is None
    answered = Dialogue(Offers(size=limit)).offer(envelope)
    assert (answered.answer.reply.code, answered.answer.stage) == (552, Stage.MAIL)
