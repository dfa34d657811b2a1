"""Signatures, checked by dkimpy, which is somebody else's verifier."""

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mta.signature import BadKey, Signer, SigningKey, private_key

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = [SigningKey("shop.example", "r1", RSA), SigningKey("shop.example", "e1", ED25519)]
MAIL = (
    b"From: Shop <news@Shop.example>\r\nTo: anna@gmail.test\r\nSubject: Hi\r\n there\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1.2@x.test>\r\n"
    b"Received: from a by b\r\nReceived: from b by c\r\n\r\nHello  world \r\n\r\n\r\n"
)


def look_up(name, **_):
    for key in KEYS:
        if name == f"{key.selector}._domainkey.{key.domain}.".encode():
            return key.dns_record().encode()
    return None


def verdicts(content: bytes) -> list[bool]:
    return [_is_good(content, place) for place in range(content.count(b"DKIM-Signature:"))]


def _is_good(content: bytes, place: int) -> bool:
    try:
        return dkim.DKIM(content).verify(idx=place, dnsfunc=look_up)
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize("keys", [KEYS[:1], KEYS[1:], KEYS], ids=["rsa", "ed25519", "both"])
def test_another_implementation_finds_every_signature_good(keys):
    content = Signer(keys).signed(MAIL, 1_795_000_000.5)
    assert content.endswith(MAIL)
    assert verdicts(content) == [True] * len(keys)
    head = content[: -len(MAIL)]
    assert b"t=1795000000;" in head
    assert max(len(line) for line in head.split(b"\r\n")) <= 78


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello", b"Hallo"),
        (b"Subject: Hi", b"Subject: Ho"),
        (b"From: Shop", b"From: Bank"),
        (b"To: anna", b"From: bank@bank.example\r\nTo: anna"),
        (b"Date: Mon", b"Subject: second\r\nDate: Mon"),
    ],
)
def test_what_is_changed_or_added_on_the_way_breaks_it(old, new):
    content = Signer(KEYS).signed(MAIL, 1_795_000_000)
    assert verdicts(content.replace(old, new)) == [False, False]


def test_white_space_and_traces_that_are_added_do_not():
    content = Signer(KEYS).signed(MAIL, 1_795_000_000)
    relayed = b"Received: by x\r\n" + content.replace(b"Hello  world \r\n\r\n", b"Hello world\r\n")
    assert verdicts(relayed) == [True, True]


@pytest.mark.parametrize(
    ("sender", "count"),
    [
        (b"a@shop.example", 2),
        (b"a@news.shop.example", 2),
        (b"a@SHOP.EXAMPLE", 2),
        (b'"x@bank.example" <a@shop.example>', 2),
        (b"a@myshop.example", 0),
        (b"a@example", 0),
        (b"nobody", 0),
        (b"\r\n Shop\r\n <a@shop.example>", 2),
    ],
)
def test_the_domain_of_from_decides(sender, count):
    mail = b"From: " + sender + b"\r\nSubject: x\r\n\r\nFrom: b@shop.example\r\n"
    assert Signer(KEYS).signed(mail, 0).count(b"DKIM-Signature") == count


def test_a_key_of_its_own_goes_before_that_of_the_domain_above():
    own = SigningKey("news.shop.example", "n1", ED25519)
    mail = MAIL.replace(b"news@Shop", b"a@news.shop")
    content = Signer([*KEYS, own]).signed(mail, 0)
    assert content.count(b"DKIM-Signature") == 1
    assert b"d=news.shop.example;" in content


def pem(key, password=None):
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, protection)


def test_keys_are_read_and_bad_ones_refused():
    assert private_key(pem(RSA)).key_size == 2048
    assert isinstance(private_key(pem(ED25519)), ed25519.Ed25519PrivateKey)
    for text, why in (
        (b"nonsense", "no private key"),
        (pem(RSA, b"x"), "no private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ):
        with pytest.raises(BadKey, match=why):
            private_key(text)


TEXT = st.from_regex(r"[ -~]{0,50}", fullmatch=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["To", "Subject", "X-Y", "Cc", "List-Id", "Received"]), TEXT),
        max_size=6,
    ),
    st.lists(TEXT, max_size=5),
)
def test_whatever_is_signed_verifies(fields, body):
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    mail = f"From: a@shop.example\r\n{head}\r\n".encode()
    mail += "".join(f"{line}\r\n" for line in body).encode()
    assert verdicts(Signer(KEYS).signed(mail, 1_795_000_000)) == [True, True]
