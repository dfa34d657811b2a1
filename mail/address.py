"""E-mail addresses as they stand in an envelope (RFC 5321, RFC 6531), and domains as A-labels.

The email-validator library decides what is valid. Plain ASCII addresses, nearly all there are, are
recognised by one expression instead: 2 µs against 25. A property test holds that both agree.
"""

import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mail.errors import UserError

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

_LOCAL_MAX: Final = 64  # octets; RFC 5321, 4.5.3.1.1
_ADDRESS_MAX: Final = 254  # octets; a path has 256 with its angle brackets, RFC 5321, 4.5.3.1.3
_SHOWN_MAX: Final = 80

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# The third and fourth place tell A-labels (xn--), which the library is to check.
_LABEL: Final = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
# Most addresses: nothing that needs a second look, in lower case where case does not matter.
_USUAL: Final = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[a-z0-9]+(?:[.-][a-z0-9]+)*[.-][a-z]+"
).fullmatch
_USUAL_MAX: Final = 60  # characters: no part of it can be too long then
_PLAIN: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_DOMAIN})")
_PLAIN_DOMAIN: Final = re.compile(_DOMAIN)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_NAMES: Final = {"\0": "a NUL", "\r": "a line break", "\n": "a line break", "\t": "a tab"}


class BadAddress(UserError, ValueError):
    """A text that is not an e-mail address or not a domain; ``reason`` says why."""

    def __init__(self, text: str, reason: str, *, expected: str = "an e-mail address") -> None:
        shown = text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
        self.text, self.reason = text, reason
        super().__init__(f"{shown!r} is not {expected}: {reason}")


class Address(NamedTuple):
    """A mailbox: the local part as it was given, the domain in lower-case A-label form."""

    local: str
    domain: str

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the server must offer SMTPUTF8 (RFC 6531): the local part is not ASCII."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def is_usual(text: str) -> bool:
    """Whether it is an address that stays as it is, wherever it is written; most are."""
    return len(text) <= _USUAL_MAX and _USUAL(text) is not None


def parse_address(text: str) -> Address:
    """Read one bare address, without a display name or angle brackets.

    Raises:
        BadAddress: it is none, for the reason told.
    """
    if is_usual(text):
        local, _, domain = text.partition("@")
        return Address(local, domain)
    plain = _PLAIN.fullmatch(text) if len(text) <= _ADDRESS_MAX else None
    if plain is not None:
        local, domain = plain.groups()
        # A domain that ends in a digit may be an IP address; that is looked at below.
        if len(local) <= _LOCAL_MAX and not domain[-1].isdigit():
            return Address(local, domain.lower())
    return _parse_with_care(text)


@functools.lru_cache(maxsize=65536)
def canonical_domain(text: str) -> str:
    """A domain in lower-case A-label form (IDNA 2008 with the UTS 46 mapping).

    Raises:
        BadAddress: it is no domain name.
    """
    if len(text) < _ADDRESS_MAX and _PLAIN_DOMAIN.fullmatch(text) is not None:
        return text.lower()
    found = _obvious_fault(text) or _validated(f"a@{text}")
    if isinstance(found, str):
        raise BadAddress(text, found, expected="a domain name")
    return found.ascii_domain


def _parse_with_care(text: str) -> Address:
    found = _obvious_fault(text) or _fault_of_address(text) or _validated(text)
    if isinstance(found, str):
        raise BadAddress(text, found)
    given = text.rpartition("@")[0]
    # The library lowers the names of RFC 2142, such as Postmaster; what was given is sent.
    local = given if given.lower() == found.local_part else found.local_part
    if len(local.encode()) > _LOCAL_MAX:
        raise BadAddress(text, f"more than {_LOCAL_MAX} octets stand before the @")
    if found.ascii_domain.rpartition(".")[2].isdigit():
        raise BadAddress(text, "the domain ends in a number, as only an IP address does")
    return Address(local, found.ascii_domain)


def _obvious_fault(text: str) -> str | None:
    """Faults that are worth a word of their own, most of all those that could split a command."""
    if not text:
        return "it is empty"
    if len(text) > _ADDRESS_MAX:
        return f"it is longer than {_ADDRESS_MAX} octets"
    control = _CONTROL.search(text)
    if control is not None:
        found = _CONTROL_NAMES.get(control[0], f"the control character {control[0]!r}")
        return f"it contains {found}"
    return None


def _fault_of_address(text: str) -> str | None:
    if "@" not in text:
        return "there is no @"
    if text.endswith(">"):
        return "only the address itself is wanted, without a name and angle brackets"
    if " " in text and not text.startswith('"'):
        return "it contains a space"
    return None


def _validated(text: str) -> "ValidatedEmail | str":
    """What the library makes of it, or why it refuses it."""
    import email_validator  # a twentieth of a process's start, and few addresses need it

    # The library refuses names such as mail.localhost or shop.invalid because nobody can be reached
    # there from outside. They are what a lab is for. Its documentation offers this list for change.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        return email_validator.validate_email(
            text,
            allow_quoted_local=True,
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except email_validator.EmailNotValidError as error:
        reason = str(error).rstrip(".")
        return reason[:1].lower() + reason[1:]
