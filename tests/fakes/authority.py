"""A certificate authority for tests, and servers' certificates of any fault."""

import datetime as dt
import functools
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)
_BORN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_DEAD = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    def server_context(
        self,
        folder: Path,
        name: str,
        *,
        ends=_DEAD,
        is_self_signed=False,
        has_san=True,
        addresses=(),
    ) -> ssl.SSLContext:
        """A context of a server whose certificate is for ``name``."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(name) if is_self_signed else self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BORN)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        if has_san:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(
                    [x509.DNSName(name), *(x509.IPAddress(each) for each in addresses)]
                ),
                critical=False,
            )
        signed = builder.sign(key if is_self_signed else self.key, hashes.SHA256())
        file = folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_text(private.decode() + _pem(signed))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


EXPIRED = _BORN + _DAY


@functools.cache
def authority(name: str) -> Authority:
    """The authority of this name; the same each time."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BORN)
        .not_valid_after(_DEAD)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return Authority(key, builder.sign(key, hashes.SHA256()))
