"""Seals: short signatures by which a link or a return path is known to be one of ours.

HMAC-SHA256 (RFC 2104), cut to 96 bits; section 5 there wants 80 at least. A new key seals from
then on; older ones still open what they sealed.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

SEAL_BYTES: Final = 12
KEY_BYTES: Final = 32
_BLOCK: Final = 64  # bytes that SHA-256 takes at a time


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of a lab, the newest first; never empty."""

    keys: tuple[bytes, ...]

    def seal(self, purpose: bytes, payload: bytes) -> bytes:
        """``SEAL_BYTES`` that only who has a key can make; ``purpose`` keeps kinds apart."""
        return _seal(self.keys[0], purpose, payload)

    def sealer(self, purpose: bytes, beginning: bytes) -> Callable[[bytes], bytes]:
        """``seal`` for payloads that begin alike: what they share is digested once.

        A seal then takes a third of the time (RFC 2104, 4, has the same advice for the key).
        """
        key = self.keys[0]
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        padded = key.ljust(_BLOCK, b"\0")
        inner = hashlib.sha256(bytes(each ^ 0x36 for each in padded))
        inner.update(purpose + b"\0" + beginning)
        outer = hashlib.sha256(bytes(each ^ 0x5C for each in padded))

        def seal(rest: bytes) -> bytes:
            within, around = inner.copy(), outer.copy()
            within.update(rest)
            around.update(within.digest())
            return around.digest()[:SEAL_BYTES]

        return seal

    def is_sealed(self, purpose: bytes, payload: bytes, seal: bytes) -> bool:
        """Whether one of the keys made this seal for this payload and purpose."""
        return any(hmac.compare_digest(_seal(key, purpose, payload), seal) for key in self.keys)


def _seal(key: bytes, purpose: bytes, payload: bytes) -> bytes:
    # The purpose has no zero byte, so that no purpose and payload read like another pair.
    return hmac.digest(key, purpose + b"\0" + payload, hashlib.sha256)[:SEAL_BYTES]


def as_token(data: bytes) -> str:
    """Bytes in letters, digits, ``-`` and ``_``: 4 characters for 3 bytes, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_token(token: str) -> bytes | None:
    """The bytes of a token; None if it is none, or is not written as ``as_token`` writes it."""
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, UnicodeEncodeError):
        return None
    return data if as_token(data) == token else None


def as_word(data: bytes) -> str:
    """Bytes in small letters and digits, for places where case may be lost; 8 for 5 bytes."""
    return base64.b32encode(data).rstrip(b"=").decode("ascii").lower()


def from_word(word: str) -> bytes | None:
    """The bytes of a word in any case; None if it is none."""
    try:
        data = base64.b32decode(word.upper() + "=" * (-len(word) % 8))
    except (ValueError, UnicodeEncodeError):
        return None
    return data if as_word(data) == word.lower() else None


def keyring(keys: Sequence[bytes]) -> Keyring:
    """A keyring; raises ValueError for none, or for one too short to be safe."""
    if not keys or any(len(each) < KEY_BYTES for each in keys):
        raise ValueError(f"expected keys of at least {KEY_BYTES} bytes")
    return Keyring(tuple(keys))
