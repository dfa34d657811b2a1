"""How long a DKIM signature takes, ours and dkimpy's own: ``python -m tests.measure.signing``."""

import statistics
import time

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mta.signature import Signer, SigningKey

MAIL = (
    b"From: a@shop.example\r\nTo: b@c.test\r\nSubject: x\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\n"
    + b"hello world\r\n"
    * 1000
)


def main() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    relaxed = (b"relaxed", b"relaxed")
    ours = Signer([SigningKey("shop.example", "s", key)])
    small = Signer([SigningKey("shop.example", "s", ed25519.Ed25519PrivateKey.generate())])
    ways = {
        "rsa, ours": lambda: ours.signed(MAIL, 0),
        "rsa, dkimpy": lambda: dkim.sign(MAIL, b"s", b"shop.example", pem, canonicalize=relaxed),
        "ed25519, ours": lambda: small.signed(MAIL, 0),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(20):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            found[name].append(time.perf_counter() - begun)
    for name, times in found.items():
        print(f"{name}: {statistics.median(times) * 1000:.2f} ms")


if __name__ == "__main__":
    main()
