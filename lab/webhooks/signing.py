"""Signatures as Standard Webhooks 1.0 has them (standardwebhooks.com): HMAC-SHA256 with a secret.

Signed is ``ID.TIMESTAMP.BODY``; the secret is written ``whsec_`` and base64 of 24 to 64 bytes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32  # of a new one
_SHORTEST, _LONGEST = 24, 64


def secret_from(text: str) -> bytes:
    """The bytes of a secret, with or without its prefix; raises ValueError for what is none."""
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not whsec_ and base64") from None
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError(f"has {len(secret)} bytes, not {_SHORTEST} to {_LONGEST}")
    return secret


def as_text(secret: bytes) -> str:
    """A secret as it is written."""
    return PREFIX + base64.b64encode(secret).decode("ascii")


def headers(
    secrets: Sequence[bytes], message: str, timestamp: int, body: bytes
) -> list[tuple[str, str]]:
    """The three headers of a request: one signature for each secret, so that they can be changed.

    Args:
        secrets: those that the receiver may have.
        message: the request's id, the same each time it is tried.
        timestamp: when it is tried, in epoch seconds.
        body: what is sent, byte for byte.
    """
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    signatures = (
        base64.b64encode(hmac.digest(each, signed, hashlib.sha256)).decode() for each in secrets
    )
    return [
        ("webhook-id", message),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(f"v1,{each}" for each in signatures)),
    ]
