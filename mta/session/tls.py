"""TLS between MX hosts: whom we believe, and what is wrong with a certificate, in words.

``required`` asks what MTA-STS asks (RFC 8461, 4.2): a chain to a trusted authority, and the name of
the MX host among the alternative names. The other modes encrypt and believe anybody (RFC 7435).
"""

import functools
import ssl
from typing import Final

from affinity.configuration import TlsMode

# OpenSSL's X509_V_ERR_*; the words are what mta/bounce_rules.toml tells apart.
_FAULTS: Final = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "is self-signed",
    2: "is of an unknown authority",
    20: "is of an unknown authority",
    21: "is of an unknown authority",
}
_OTHER_NAME: Final = (62, 64)


@functools.cache
def context_for(mode: TlsMode, authorities: str | None) -> ssl.SSLContext:
    """The context of a mode; ``authorities`` is PEM, None for those of this machine.

    Raises:
        ssl.SSLError: that is no PEM with a certificate in it.
    """
    if mode == "required":
        context = ssl.create_default_context(cadata=authorities)
        context.hostname_checks_common_name = False
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate_fault(error: ssl.SSLCertVerificationError, name: str) -> str:
    """Why the certificate is not believed to be that of ``name``."""
    if error.verify_code in _OTHER_NAME:
        return f"the certificate is for another name than {name}"
    fault = _FAULTS.get(error.verify_code)
    return f"the certificate {fault or f'is not valid: {error.verify_message}'}"
