"""The arguments of MAIL and RCPT, read as RFC 5321 (4.1.2) has them, and the fixed replies.

aiosmtpd reads them with the email package, at twenty times the cost, and knows no null sender.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mail.reply import Reply

GREETING: Final = b"220 %s ESMTP mtalab sink"
MAIL_OK: Final = b"250 2.1.0 Sender ok"
RCPT_OK: Final = b"250 2.1.5 Recipient ok"
QUIT_OK: Final = b"221 2.0.0 Bye"
START_DATA: Final = b"354 Go ahead, end with <CR><LF>.<CR><LF>"
SAY_EHLO: Final = b"503 5.5.1 Say EHLO first"
NESTED_MAIL: Final = b"503 5.5.1 A transaction is open already; finish it or say RSET"
NEED_MAIL: Final = b"503 5.5.1 Say MAIL first"
NEED_RCPT: Final = b"503 5.5.1 Say RCPT first"
NO_RECIPIENTS: Final = b"554 5.5.1 No valid recipients"
BAD_EHLO: Final = b"501 5.5.4 Say EHLO and your host name"
BAD_DATA: Final = b"501 5.5.4 DATA takes no argument"
BAD_BDAT: Final = b"501 5.5.4 BDAT takes a number of octets, and LAST with the last of them"
NO_BDAT: Final = b"502 5.5.1 BDAT is not offered here"
DATA_AMID_BDAT: Final = b"503 5.5.1 BDAT has begun; go on with it or say RSET"
BAD_QUIT: Final = b"501 5.5.4 QUIT takes no argument"
BAD_STARTTLS: Final = b"501 5.5.4 STARTTLS takes no argument"
TLS_ALREADY: Final = b"503 5.5.1 The connection is encrypted already"
NO_TLS: Final = b"454 4.7.0 TLS is not offered here"
TLS_UNAVAILABLE: Final = Reply(454, "4.7.0 TLS is not available now")
NO_LOGIN: Final = b"502 5.5.1 AUTH is not offered here"
TOO_MANY_RECIPIENTS: Final = b"452 4.5.3 Too many recipients in one message"
IDLE: Final = b"421 4.4.2 Nothing heard for too long, closing"
CLOSING: Final = b"421 4.3.2 The sink is shutting down"
TOO_LARGE: Final = Reply(552, "5.3.4 The message is larger than this sink takes")

_PATH: Final = re.compile(
    r'\s*<(?:@[^<>:\s]+:)?((?:"(?:[^"\\]|\\.)*"@)?[^<>\s"]*)>(?:\s+(\S.*))?', re.DOTALL
)
_CHUNK: Final = re.compile(r"([0-9]{1,15})( +LAST)?", re.IGNORECASE | re.ASCII)
# Control characters; and bytes that are not UTF-8, which arrive as lone surrogates.
_UNUSABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})
_MAIL_PARAMETERS: Final = frozenset({"SIZE", "BODY", "SMTPUTF8"})
_BODY_TYPES: Final = frozenset({"7BIT", "8BITMIME"})


@dataclass(frozen=True, slots=True)
class Path:
    """An address and the parameters after it, keys in capitals."""

    address: str
    parameters: Mapping[str, str]


def reverse_path(argument: str | None, size_limit: int, also: Collection[str] = ()) -> Path | Reply:
    """The argument of MAIL, or why it is refused. The address is empty for the null sender.

    ``also``: parameters that are known besides our own.
    """
    path = _path("FROM:", argument)
    if isinstance(path, Reply) or not path.parameters:
        return path if isinstance(path, Reply) else _without_utf8(path)
    parameters = path.parameters
    unknown = parameters.keys() - _MAIL_PARAMETERS - set(also)
    if unknown:
        return Reply(555, f"5.5.4 MAIL parameter {min(unknown)} is not known here")
    size = parameters.get("SIZE", "0")
    if not (size.isascii() and size.isdigit()):
        return Reply(501, "5.5.4 SIZE is not a number")
    if int(size) > size_limit:
        return TOO_LARGE
    if parameters.get("BODY", "7BIT").upper() not in _BODY_TYPES:
        return Reply(501, "5.5.4 BODY is 7BIT or 8BITMIME")
    return path if "SMTPUTF8" in parameters else _without_utf8(path)


def forward_path(argument: str | None, *, allows_utf8: bool) -> Path | Reply:
    """The argument of RCPT, or why it is refused."""
    path = _path("TO:", argument)
    if isinstance(path, Reply):
        return path
    if path.parameters:
        return Reply(555, f"5.5.4 RCPT parameter {min(path.parameters)} is not known here")
    if not path.address:
        return Reply(501, "5.1.3 A recipient needs an address")
    return path if allows_utf8 else _without_utf8(path)


def chunk(argument: str | None) -> tuple[int, bool] | None:
    """The argument of BDAT (RFC 3030): octets, and whether they are the last; None: it is none."""
    found = _CHUNK.fullmatch(argument or "")
    return None if found is None else (int(found[1]), found[2] is not None)


def _path(keyword: str, argument: str | None) -> Path | Reply:
    size = len(keyword)
    found = None
    if argument is not None and argument[:size].upper() == keyword:
        found = _PATH.fullmatch(argument, size)
    if found is None:
        return Reply(501, f"5.5.4 Expected {keyword}<address>")
    address = found[1]
    if address and not _is_address(address):
        return Reply(553, "5.1.3 That is not an address")
    parameters = found[2]
    if parameters is not None and _UNUSABLE.search(parameters) is not None:
        return Reply(501, "5.5.4 The parameters hold characters that none may have")
    return Path(address, _NO_PARAMETERS if parameters is None else _parameters(parameters))


def _is_address(address: str) -> bool:
    if _UNUSABLE.search(address) is not None:
        return False
    local, at, domain = address.rpartition("@")
    return bool(local and domain) if at else address.lower() == "postmaster"


def _parameters(text: str) -> Mapping[str, str]:
    pairs = (each.partition("=") for each in text.split())
    return {key.upper(): value for key, _, value in pairs}


def _without_utf8(path: Path) -> Path | Reply:
    if path.address.isascii():
        return path
    return Reply(553, "5.6.7 A non-ASCII address needs the SMTPUTF8 parameter of MAIL")
