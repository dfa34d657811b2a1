"""The fast way to read plain addresses gives what the library gives."""

import string

import email_validator
from hypothesis import example, given
from hypothesis import strategies as st

from mail.address import BadAddress, parse_address

ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~"


def word(alphabet, most):
    return st.text(alphabet, min_size=1, max_size=most)


def dotted(alphabet, most):
    return st.lists(word(alphabet, most), min_size=1, max_size=4).map(".".join)


plain = st.builds(
    "{}@{}".format, dotted(ATEXT, 20), dotted(string.ascii_letters + "0123456789-", 66)
)
near_misses = st.builds(
    "{}@{}".format, dotted(ATEXT + ' ."<>@\\ü\r\0', 30), dotted("aZ0-xn_.ü\u0131 []:", 12)
)
long_ones = st.builds(
    lambda local, label, times: f"{'x' * local}@{'.'.join([label] * times)}",
    st.integers(60, 68),
    st.integers(1, 64).map(lambda length: "d" * length),
    st.integers(1, 130),
)


def by_the_library(text):
    """What the library makes of a text, with our two rules on top; None if it refuses it."""
    try:
        found = email_validator.validate_email(
            text,
            allow_quoted_local=True,
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except email_validator.EmailNotValidError:
        return None
    is_long = len(found.local_part.encode()) > 64
    is_like_an_ip = found.ascii_domain.rpartition(".")[2].isdigit()
    return None if is_long or is_like_an_ip else (found.local_part, found.ascii_domain)


@given(plain | near_misses | long_ones | st.text(max_size=20))
@example("Postmaster@a.test")
@example("a@ab--c.test")
@example("a@xn--bcher-kva.example")
@example("a@xn--zz.example")
@example("x" * 64 + "@" + "d" * 63 + "." + "d" * 63 + "." + "d" * 61)
@example("x" * 64 + "@" + "d" * 63 + "." + "d" * 63 + "." + "d" * 62)
def test_an_address_is_accepted_exactly_if_the_library_accepts_it(text):
    expected = by_the_library(text)
    try:
        found = parse_address(text)
    except BadAddress:
        assert expected is None
    else:
        assert expected is not None
        # The library lowers names such as Postmaster (RFC 2142); we send them as they were given.
        assert found.domain == expected[1]
        assert found.local == expected[0] or found.local.lower() == expected[0]


@given(plain | near_misses)
def test_reading_what_was_read_changes_nothing(text):
    try:
        found = parse_address(text)
    except BadAddress:
        return
    assert parse_address(str(found)) == found


@given(st.text(max_size=40))
def test_no_accepted_address_can_end_or_split_a_command(text):
    try:
        found = str(parse_address(f"{text}@shop.example"))
    except BadAddress:
        return
    assert not set(found) & set("\r\n\0")
