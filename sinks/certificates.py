"""Certificates for sinks: good, expired, self-signed or for another name, made as they are needed.

One authority signs the good, the expired and the misnamed ones. Its certificate is
``tls/ca.pem`` in the lab's directory: name it as ``tls_ca`` of a route, and the good ones hold.
"""

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sinks.errors import SinkFilesUnusable
from sinks.settings import Certificate

CA_FILE: Final = "ca.pem"
_DAY_S: Final = 86400.0
_YEARS_S: Final = 10 * 365 * _DAY_S
_WRONG: Final = "somebody-else.test"


def server_context(folder: Path, mx: str, kind: Certificate, now: float) -> ssl.SSLContext:
    """A context with such a certificate for the host name ``mx``.

    Args:
        folder: for the authority and the certificates; made if it is missing.
        mx: the name that a good certificate bears.
        kind: not ``none``.
        now: epoch seconds.

    Raises:
        SinkFilesUnusable: they cannot be written or read there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        if kind == "self_signed":
            signed = _signed(_name(mx), key, _name(mx), key, mx, now - _DAY_S, now + _YEARS_S)
        else:
            ca_key, ca = _authority(folder, now)
            name = _WRONG if kind == "wrong_name" else mx
            end = now - _DAY_S if kind == "expired" else now + _YEARS_S
            begin = end - 90 * _DAY_S if kind == "expired" else now - _DAY_S
            signed = _signed(_name(name), key, ca.subject, ca_key, name, begin, end)
        file = folder / f"{mx}.{kind}.pem"
        _write(file, _pem(key) + signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
    except OSError as error:
        raise SinkFilesUnusable(
            f"cannot keep certificates in {folder}: {error.strerror}",
            remedy="Check the folder's permissions and the free space, then start again.",
        ) from error
    return context


def _authority(folder: Path, now: float) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The lab's authority; made at the first need, and the same from then on."""
    file, key_file = folder / CA_FILE, folder / "ca.key.pem"
    if file.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        found = x509.load_pem_x509_certificate(file.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and _valid_until(found) > now + _DAY_S:
            return key, found
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("mtalab's authority, for this lab alone")
    made = _signed(name, key, name, key, None, now - _DAY_S, now + _YEARS_S)
    _write(key_file, _pem(key))
    _write(file, made.public_bytes(serialization.Encoding.PEM))
    return key, made


def _valid_until(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    host: str | None,
    begin: float,
    end: float,
) -> x509.Certificate:
    """A certificate for a host, or for an authority (None)."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(begin))
        .not_valid_after(_moment(end))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if host is not None:
        names = x509.SubjectAlternativeName([_alternative(host)])
        builder = builder.add_extension(names, critical=False)
    else:
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _moment(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, pem: bytes) -> None:
    """Replace it whole: another process may read it."""
    new = file.with_name(f"{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(pem)
    new.replace(file)
