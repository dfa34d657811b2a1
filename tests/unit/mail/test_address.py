"""Addresses and domains as users write them."""

import pytest

from mail.address import Address, BadAddress, canonical_domain, parse_address
from mail.errors import MtalabError, UserError


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("john.doe@shop.example", "john.doe", "shop.example"),
        ("John.Doe+News@Shop.EXAMPLE", "John.Doe+News", "shop.example"),
        ("o'hara/x=y~{z}@a-b.test", "o'hara/x=y~{z}", "a-b.test"),
        ("Postmaster@shop.test", "Postmaster", "shop.test"),
        ("Postmaster@bücher.test", "Postmaster", "xn--bcher-kva.test"),
        ("root@localhost", "root", "localhost"),
        ("a@box.invalid", "a", "box.invalid"),
        ("a@box.local", "a", "box.local"),
        ("a@test", "a", "test"),
        ("a@shop2", "a", "shop2"),
        ("anna@BÜCHER.example", "anna", "xn--bcher-kva.example"),
        ("anna@xn--bcher-kva.example", "anna", "xn--bcher-kva.example"),
        ("jörg@bücher.example", "jörg", "xn--bcher-kva.example"),
        ('"john doe"@shop.example', '"john doe"', "shop.example"),
        ('"a@b"@shop.example', '"a@b"', "shop.example"),
        ('"john"@shop.example', "john", "shop.example"),
        ("x" * 64 + "@shop.example", "x" * 64, "shop.example"),
    ],
)
def test_an_address_is_taken_apart_and_its_domain_put_in_one_form(text, local, domain):
    assert parse_address(text) == Address(local, domain)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("john.shop.example", "there is no @"),
        ("a\uff20shop.example", "there is no @"),
        ("a\0b@shop.example", "it contains a NUL"),
        ("a@shop.example\r\nRCPT TO:<b@shop.example>", "it contains a line break"),
        ("a@shop.example\n", "it contains a line break"),
        ("a\t@shop.example", "it contains a tab"),
        ("a\x1b@shop.example", r"it contains the control character '\x1b'"),
        ("john doe@shop.example", "it contains a space"),
        (" a@shop.example", "it contains a space"),
        ("John <a@shop.example>", "only the address itself is wanted, without a name and angle"),
        ("@shop.example", "there must be something before the @-sign"),
        ("a@", "there must be something after the @-sign"),
        ("a..b@shop.example", "an email address cannot have two periods in a row"),
        (".a@shop.example", "an email address cannot start with a period"),
        ("a@b@shop.example", "the part after the @-sign contains invalid characters: '@'"),
        ("a@shop..example", "an email address cannot have two periods in a row"),
        ("a@-shop.example", "an email address cannot have a hyphen immediately after the @-sign"),
        ("a@my_shop.example", "the part after the @-sign contains invalid characters: '_'"),
        ("a@xn--a.example", "the part after the @-sign is not valid IDNA"),
        ("a@[127.0.0.1]", "a bracketed IP address after the @-sign is not allowed here"),
        ("a@127.0.0.1", "the domain ends in a number, as only an IP address does"),
        ("x" * 65 + "@shop.example", "more than 64 octets stand before the @"),
        ("ü" * 33 + "@shop.example", "more than 64 octets stand before the @"),
        ("a@" + "b" * 64 + ".example", "after the @-sign, periods cannot be separated by so many"),
        ("a@" + "b." * 126 + "c", "it is longer than 254 octets"),
        ("x" * 10_000_000, "it is longer than 254 octets"),
    ],
)
def test_a_bad_address_is_refused_for_the_reason_told(text, reason):
    with pytest.raises(BadAddress) as caught:
        parse_address(text)
    assert caught.value.reason.startswith(reason)


def test_the_error_shows_the_text_so_that_what_cannot_be_seen_can():
    with pytest.raises(BadAddress) as caught:
        parse_address("a b@shop.example\r\n")
    assert str(caught.value) == (
        r"'a b@shop.example\r\n' is not an e-mail address: it contains a line break"
    )
    with pytest.raises(BadAddress) as caught:
        parse_address("x" * 1000)
    assert str(caught.value) == (
        f"'{'x' * 79}…' is not an e-mail address: it is longer than 254 octets"
    )


def test_the_error_is_a_user_error_and_a_value_error():
    assert issubclass(BadAddress, UserError)
    assert issubclass(BadAddress, MtalabError)
    assert issubclass(BadAddress, ValueError)


def test_only_a_local_part_outside_ascii_needs_smtputf8():
    assert parse_address("jörg@shop.example").needs_smtputf8
    assert not parse_address("jorg@bücher.example").needs_smtputf8


def test_an_address_reads_as_it_is_sent():
    assert str(parse_address("Jörg@BÜCHER.example")) == "Jörg@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Shop.EXAMPLE", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BU\u0308CHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("localhost", "localhost"),
    ],
)
def test_a_domain_has_one_canonical_form(text, canonical):
    assert canonical_domain(text) == canonical
    assert canonical_domain(canonical) == canonical


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "a b", "-a.example", "a@b", "ü_x", "a\n", "a." * 127 + "bb"]
)
def test_what_is_no_domain_is_refused(text):
    with pytest.raises(BadAddress, match="is not a domain name: "):
        canonical_domain(text)
