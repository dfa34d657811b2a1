"""DKIM signatures (RFC 6376; Ed25519: RFC 8463) of messages as they go out.

dkimpy reads and canonicalizes, cryptography signs: dkimpy's own RSA is Python's arithmetic and
takes nine times as long (``python -m tests.measure.signing``), and dates by the system's clock.
"""

import base64
import email.utils
import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from mail.address import BadAddress, canonical_domain

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

RSA_BITS_MIN: Final = 1024  # RFC 8301, 3.2: signers must use at least this
# RFC 6376, 5.4.1, and what RFC 8058 asks for. Absent ones are named too where a forger could add
# them unseen: a second From, Subject, To or Date would be shown to the reader.
_SIGNED: Final = frozenset(
    b"from reply-to subject date to cc message-id in-reply-to references mime-version content-type "
    b"content-transfer-encoding content-id content-description resent-date resent-from resent-to "
    b"resent-cc list-id list-help list-unsubscribe list-unsubscribe-post list-subscribe list-post "
    b"list-owner list-archive".split()
)
_SEALED: Final = (b"from", b"subject", b"to", b"date")
_FOLD_AT: Final = 70
_FROM: Final = re.compile(rb"^from:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


class BadKey(ValueError):
    """A key that cannot sign; the message says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of a domain, as its DNS record ``selector._domainkey.domain`` has the other half."""

    domain: str
    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def dns_record(self) -> str:
        """The TXT record with its public half (RFC 6376, 3.6.1)."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            der = public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"

    def sign(self, data: bytes) -> bytes:
        """The signature over a header hash's input."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(data).digest())  # RFC 8463, 3: of the hash


def private_key(pem: bytes) -> PrivateKey:
    """Read an RSA or Ed25519 key.

    Raises:
        BadKey: it is none, is protected by a password, or is too short.
    """
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"holds no private key that can be read: {error}") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("holds a key that is neither RSA nor Ed25519")
    if key.key_size < RSA_BITS_MIN:
        raise BadKey(f"holds an RSA key of {key.key_size} bits, fewer than {RSA_BITS_MIN}")
    return key


class Signer:
    """Signs by the domain of From: its own keys, or those of the nearest domain above it."""

    def __init__(self, keys: Iterable[SigningKey] = ()) -> None:
        self._by_domain: dict[str, list[SigningKey]] = {}
        for key in keys:
            self._by_domain.setdefault(key.domain, []).append(key)

    def signed(self, content: bytes, now: float) -> bytes:
        """The message with a signature by each key of its domain before it.

        A message whose From names no domain that has a key, or that cannot be read, is as before.
        """
        if not self._by_domain:
            return content
        keys = self._keys_for(content)
        if not keys:
            return content
        import dkim  # with a resolver in its train: only those who sign pay for it

        try:
            headers, body = dkim.rfc822_parse(content)
        except dkim.MessageFormatError:
            return content
        digest = base64.b64encode(hashlib.sha256(_relaxed().canonicalize_body(body)).digest())
        return b"".join(_signature(key, headers, digest, now) for key in keys) + content

    def _keys_for(self, content: bytes) -> Sequence[SigningKey]:
        found = _FROM.search(content, 0, content.find(b"\r\n\r\n") + 2)
        if found is None:
            return ()
        text = found[1].decode("utf-8", "replace").replace("\r\n", "")
        _, address = email.utils.parseaddr(text)
        try:
            domain = canonical_domain(address.rpartition("@")[2])
        except BadAddress:
            return ()
        while domain:
            if domain in self._by_domain:
                return self._by_domain[domain]
            domain = domain.partition(".")[2]
        return ()


def _signature(
    key: SigningKey, headers: Sequence[Sequence[bytes]], body_hash: bytes, now: float
) -> bytes:
    """The DKIM-Signature header, with its line end."""
    names = [name.lower() for name, _ in headers if name.lower() in _SIGNED]
    named = [*names, *_SEALED]
    tags = [
        b"v=1",
        b"a=" + key.algorithm.encode(),
        b"c=relaxed/relaxed",
        b"d=" + key.domain.encode(),
        b"s=" + key.selector.encode(),
        b"t=%d" % now,
        b"h=" + b":".join(named),
        b"bh=" + body_hash,
    ]
    unsigned = b" " + _folded(tags) + b";\r\n b="
    import dkim

    chosen = _relaxed().canonicalize_headers(dkim.select_headers(headers, named))
    [(name, value)] = _relaxed().canonicalize_headers([(b"DKIM-Signature", unsigned)])
    data = b"".join(each + b":" + text for each, text in chosen) + name + b":" + value.rstrip()
    signature = base64.b64encode(key.sign(data))
    lines = [signature[at : at + _FOLD_AT] for at in range(0, len(signature), _FOLD_AT)]
    return b"DKIM-Signature:" + unsigned + b"\r\n ".join(lines) + b"\r\n"


@functools.cache
def _relaxed() -> Any:
    """Dkimpy's relaxed canonicalization (RFC 6376, 3.4.2 and 3.4.4)."""
    from dkim.canonicalization import CanonicalizationPolicy

    return CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")


def _folded(tags: Sequence[bytes]) -> bytes:
    """Tags one after the other, lines broken between them and between the names of h=."""
    out, width = b"", len("DKIM-Signature: ")
    for number, tag in enumerate(tags):
        for place, piece in enumerate(tag.split(b":") if tag.startswith(b"h=") else [tag]):
            lead = b"" if number == 0 else b":" if place else b";"
            if width + len(lead) + len(piece) + 1 > _FOLD_AT:
                out, width = out + lead + b"\r\n " + piece, len(piece) + 1
            else:
                space = b" " if number and not place else b""
                out, width = out + lead + space + piece, width + len(lead + space + piece)
    return out
