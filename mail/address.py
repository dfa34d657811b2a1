"""E-mail addresses: what may stand in an envelope (RFC 5321, RFC 6531), and domains as A-labels."""

import functools
import re
from dataclasses import dataclass
from typing import Final

import email_validator
import idna

from mail.errors import MtalabError

# Plain addresses, the great majority: what the library would accept unchanged. A test holds it so.
_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@"
    r"(?=.{4,200}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_LOCAL_MAX: Final = 64  # RFC 5321, 4.5.3.1.1
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class BadAddress(MtalabError, ValueError):
    """A text that is no e-mail address; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox; the domain is in lower-case A-label form."""

    local: str
    domain: str

    @property
    def needs_smtputf8(self) -> bool:
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str) -> Address:
    """Read one address.

    Raises:
        BadAddress: it is none.
    """
    if _PLAIN.fullmatch(text) is not None and "--" not in text:
        local, _, domain = text.partition("@")
        if len(local) <= _LOCAL_MAX:
            return Address(local, domain)
    return _parse_carefully(text)


def _parse_carefully(text: str) -> Address:
    control = _CONTROL.search(text)
    if control is not None:
        raise BadAddress(f"holds the control character {control[0]!r}")
    if not text:
        raise BadAddress("is empty")
    try:
        found = email_validator.validate_email(
            text,
            check_deliverability=False,
            test_environment=True,
            allow_quoted_local=False,
            globally_deliverable=False,
        )
    except email_validator.EmailNotValidError as error:
        raise BadAddress(str(error)) from error
    return Address(found.local_part, canonical_domain(found.domain))


@functools.lru_cache(maxsize=65536)
def canonical_domain(text: str) -> str:
    """A domain in lower-case A-label form (IDNA 2008, UTS 46 mapping).

    Raises:
        BadAddress: it is no domain.
    """
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise BadAddress(f"{text!r} is no domain: {error}") from error
