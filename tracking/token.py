"""Tokens: which link of which message was followed, sealed so that nobody can make up another.

``h1f4.2.AAAAAAPoTk…`` is the second link of delivery 500, in HTML: a letter for the content's kind,
delivery and URL in hexadecimal, then message and seal in 24 characters. What differs between the
messages of a delivery stands at the end and has the same length in all.

Values of personal fields in a URL travel beside the token, as the parameters 1, 2, … of the query,
and are sealed with it: so the server can redirect without the store.
"""

import base64
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mail.seal import SEAL_BYTES, Keyring, as_token, from_token

HTML: Final = "h"
TEXT: Final = "t"
HEADER: Final = "x"  # a header such as List-Unsubscribe
TAIL: Final = 24  # characters that differ between messages

_PURPOSE: Final = b"link"
_TOKEN: Final = re.compile(r"([htx])([0-9a-f]{1,16})\.([0-9a-f]{1,8})\.([A-Za-z0-9_-]{24})")
_MESSAGE: Final = struct.Struct(">Q")
_LINK: Final = struct.Struct(">cQI")
_MESSAGE_BYTES: Final = 6  # enough for 2.8e14 messages


class Token(NamedTuple):
    """What a token says."""

    content: str  # HTML, TEXT or HEADER
    delivery_id: int
    url: int
    message_id: int


def head(content: str, delivery_id: int, url: int) -> str:
    """What all messages of a delivery have in common in the token of one link."""
    return f"{content}{delivery_id:x}.{url:x}."


def tail(keys: Keyring, token: Token, values: Sequence[str] = ()) -> str:
    """What a message adds; ``TAIL`` characters."""
    message = _MESSAGE.pack(token.message_id)[-_MESSAGE_BYTES:]
    return as_token(message + keys.seal(_PURPOSE, _payload(token, values)))


def sealer(
    keys: Keyring, content: str, delivery_id: int, url: int
) -> Callable[[int, Sequence[str]], str]:
    """``tail`` for one link of a delivery, by message and values; quick."""
    seal = keys.sealer(_PURPOSE, _LINK.pack(content.encode("ascii"), delivery_id, url))
    pack, encode = _MESSAGE.pack, base64.urlsafe_b64encode  # 18 bytes: nothing is padded

    def tail_of(message_id: int, values: Sequence[str] = ()) -> str:
        message = pack(message_id)
        own = message if not values else message + _values(values)
        return encode(message[-_MESSAGE_BYTES:] + seal(own)).decode("ascii")

    return tail_of


def sealed(keys: Keyring, token: Token, values: Sequence[str] = ()) -> str:
    """The whole token."""
    return head(*token[:3]) + tail(keys, token, values)


def opened(keys: Keyring, text: str, values: Sequence[str] = ()) -> Token | None:
    """What a token says, or None if nobody with a key of ours wrote it for these values."""
    found = _TOKEN.fullmatch(text)
    raw = None if found is None else from_token(found[4])
    if found is None or raw is None:
        return None
    message = int.from_bytes(raw[:_MESSAGE_BYTES])
    token = Token(found[1], int(found[2], 16), int(found[3], 16), message)
    if head(*token[:3]) + found[4] != text:  # zeros before a number: another text, no other link
        return None
    seal = raw[_MESSAGE_BYTES:]
    return token if keys.is_sealed(_PURPOSE, _payload(token, values), seal) else None


def _payload(token: Token, values: Sequence[str]) -> bytes:
    link = _LINK.pack(token.content.encode("ascii"), token.delivery_id, token.url)
    return link + _MESSAGE.pack(token.message_id) + _values(values)


def _values(values: Sequence[str]) -> bytes:
    """Each with its length, so that no two lists of values read alike."""
    parts: list[bytes] = []
    for each in values:
        encoded = each.encode("utf-8", "surrogatepass")
        parts += [len(encoded).to_bytes(4), encoded]
    return b"".join(parts)


assert len(as_token(bytes(_MESSAGE_BYTES + SEAL_BYTES))) == TAIL
