"""The certificates that sinks show, good and bad, and the lab's own authority behind the good ones.

Below the lab's directory ``tls/ca.pem`` is the authority's certificate, for senders to trust; it is
made once and stays. ``tls/HOST.KIND.pem`` is made anew at each start. None of this protects
anything outside a lab. Importing this is slow, so whoever needs no certificate does not.
"""

import contextlib
import datetime as dt
import ipaddress
import os
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinks.errors import SinkFilesUnusable
from sinks.settings import Certificate

CA_FILE: Final = "ca.pem"
_AUTHORITY_FILE: Final = "authority.pem"  # with its key
_DAY: Final = dt.timedelta(days=1)
_YEARS: Final = 10 * 365 * _DAY
_OTHER_NAME: Final = "another-host.invalid"  # RFC 2606, 2: nobody's


def authority(folder: Path, now: float) -> Path:
    """The file of the authority's certificate; made if it is not there or has expired.

    Args:
        folder: of the sinks' certificates.
        now: seconds since 1970-01-01 UTC.

    Raises:
        SinkFilesUnusable: it cannot be written or read.
    """
    with _telling(folder):
        _, certificate = _authority(folder, _moment(now))
        public = _pem(certificate)
        file = folder / CA_FILE
        if not file.exists() or file.read_bytes() != public:
            _write(file, public)
        return file


def server_context(
    folder: Path, host: str, kind: Certificate, now: float, also: Sequence[str] = ()
) -> ssl.SSLContext:
    """A server's context with a certificate of this kind.

    Args:
        folder: of the sinks' certificates.
        host: the name that it is for.
        kind: what is right or wrong with it; not "none".
        now: seconds since 1970-01-01 UTC.
        also: further names and addresses that it is for.

    Raises:
        SinkFilesUnusable: a file cannot be written or read.
    """
    authority(folder, now)
    with _telling(folder):
        file = folder / f"{host}.{kind}.pem"
        _write(file, _made(folder, kind, (host, *also), _moment(now)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _moment(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def _authority(
    folder: Path, now: dt.datetime
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    file = folder / _AUTHORITY_FILE
    if file.exists():
        key, certificate = _read(file)
        if certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _DAY:
            return key, certificate
    key = ec.generate_private_key(ec.SECP256R1())
    _write(file, _private(key) + _pem(_authority_of(key, "mtalab lab authority", now)))
    # Of two processes that make one at once, the later file is what both use.
    return _read(file)


def _made(folder: Path, kind: Certificate, names: Sequence[str], now: dt.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    begin, end = now - _DAY, now + _YEARS
    signer, issuer = _authority(folder, now)
    if kind == "expired":
        begin, end = now - 60 * _DAY, now - _DAY
    elif kind == "not_yet_valid":
        begin = now + _YEARS - _DAY
    elif kind == "wrong_name":
        names = (_OTHER_NAME,)
    elif kind == "untrusted":
        signer = ec.generate_private_key(ec.SECP256R1())
        issuer = _authority_of(signer, "an authority that nobody knows", now)
    subject = _named(names[0])
    is_self_signed = kind == "self_signed"
    by = (key if is_self_signed else signer).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if is_self_signed else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([*map(_alternative, names)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), critical=False)
    )
    signed = builder.sign(key if is_self_signed else signer, hashes.SHA256())
    return _private(key) + _pem(signed)


def _authority_of(key: ec.EllipticCurvePrivateKey, name: str, now: dt.datetime) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 61 * _DAY)  # before the expired certificates that it signs
        .not_valid_after(now + _YEARS + _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])  # X.520: 64 at most


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read(file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    text = file.read_bytes()
    key = serialization.load_pem_private_key(text, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{file.name} holds a key of another kind")  # noqa: TRY004 - told below
    return key, x509.load_pem_x509_certificate(text)


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing: whoever reads meanwhile sees the old file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    draft.replace(file)


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise SinkFilesUnusable(
            f"the certificates of the sinks in {folder} cannot be made or read: {error}",
            remedy=f"Check the folder's permissions, or delete {folder}: it is made anew.",
        ) from error
