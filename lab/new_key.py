"""New keys to sign mail with (DKIM)."""

from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mta.signature import PrivateKey

RSA_BITS: Final = 2048  # RFC 8301, 3.2: signers should use at least this


def new_rsa_key() -> RSAPrivateKey:
    """One that every receiver can check."""
    return rsa.generate_private_key(65537, RSA_BITS)


def new_ed25519_key() -> Ed25519PrivateKey:
    """A small and fast one (RFC 8463)."""
    return Ed25519PrivateKey.generate()


def pem_of(key: PrivateKey) -> bytes:
    """What a key file holds."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
