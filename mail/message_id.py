"""The two marks by which a message is known again: its Message-ID and its return path.

Both name the delivery and the message, and are the same at each attempt, so that a receiver can
tell a copy and a bounce can be matched. A return path bears a seal too, so that nobody can make up
a bounce: anybody can count, but not seal.
"""

import functools
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mail.seal import Keyring, from_word

_MESSAGE_ID: Final = re.compile(r"\s*<([0-9]{1,18})\.([0-9]{1,18})@([^<>@\s]+)>\s*")
# Receivers may change the case of a local part, though they should not.
_RETURN_PATH: Final = re.compile(
    r"<?bounce\+([0-9]{1,18})-([0-9]{1,18})(?:-([a-z2-7]{16}))?@([^<>@\s]+?)>?", re.IGNORECASE
)
_PURPOSE: Final = b"bounce"
# Of a seal: with two numbers of 18 digits no more fits into the 64 octets of a local part (RFC
# 5321, 4.5.3.1.1). RFC 2104, 5 wants 80 bits, which this is.
_SEAL_BYTES: Final = 10
# Base32 (RFC 4648, 6) two letters at a time: base64.b32encode takes several times as long.
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]
_PLACES: Final = range(8 * _SEAL_BYTES - 10, -1, -10)


@dataclass(frozen=True, slots=True)
class MessageMark:
    """Which message a Message-ID or a return path stands for."""

    delivery_id: int
    message_id: int
    domain: str


def message_id_header(delivery_id: int, message_id: int, lab_domain: str) -> str:
    """``<delivery.message@domain>``, with its angle brackets."""
    return f"<{delivery_id}.{message_id}@{lab_domain}>"


def parse_message_id_header(value: str) -> MessageMark | None:
    """The message that a Message-ID names, or None if it is not one of ours."""
    found = _MESSAGE_ID.fullmatch(value)
    return None if found is None else MessageMark(int(found[1]), int(found[2]), found[3])


def return_path(
    lab_domain: str, delivery_id: int, message_id: int, keys: Keyring | None = None
) -> str:
    """The envelope sender of one message (VERP): ``bounce+delivery-message-seal@domain``.

    Without keys it has no seal, and a bounce to it has to prove otherwise whose it is.
    """
    if keys is None:
        return f"bounce+{delivery_id}-{message_id}@{lab_domain}"
    numbers = f"{delivery_id}-{message_id}"
    seal = int.from_bytes(_sealer(keys)(numbers.encode("ascii"))[:_SEAL_BYTES])
    word = "".join([_PAIRS[seal >> place & 1023] for place in _PLACES])
    return f"bounce+{numbers}-{word}@{lab_domain}"


def parse_return_path(address: str) -> MessageMark | None:
    """The message that a return path names, sealed or not; None if it is not one of ours."""
    found = _RETURN_PATH.fullmatch(address)
    return None if found is None else MessageMark(int(found[1]), int(found[2]), found[4])


def open_return_path(address: str, keys: Keyring) -> MessageMark | None:
    """The message that a return path names, if one of these keys sealed it."""
    found = _RETURN_PATH.fullmatch(address)
    seal = None if found is None or found[3] is None else from_word(found[3])
    if found is None or seal is None:
        return None
    mark = MessageMark(int(found[1]), int(found[2]), found[4])
    numbers = f"{mark.delivery_id}-{mark.message_id}".encode("ascii")
    is_ours = any(
        hmac.compare_digest(Keyring((key,)).seal(_PURPOSE, numbers)[:_SEAL_BYTES], seal)
        for key in keys.keys
    )
    return mark if is_ours else None


@functools.lru_cache(maxsize=8)
def _sealer(keys: Keyring) -> Callable[[bytes], bytes]:
    return keys.begun(_PURPOSE, b"").seal
