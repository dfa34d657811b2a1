"""A self-signed certificate for mx.test, for servers in tests; it proves and protects nothing."""

import ssl
from pathlib import Path

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIvIQ+7Zgwc/lF3Mt
GL2EQpefUAPMG5yP2axrLpU8vaOhRANCAASVeEBW9JoN0Ts59xiSGj6Z8PrK1HJ2
9C4apEFGCkzVT3gstMRLDgfmZJWuuuMMIjEkEK3XsWr7c00GZ7H//ASK
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUEWU2hIL07JZnV35wiUJTtb6M50gwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHbXgudGVzdDAgFw0yNjExMjMxNTEyMDdaGA8yMTI2MTAzMDE1
MTIwN1owEjEQMA4GA1UEAwwHbXgudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABJV4QFb0mg3ROzn3GJIaPpnw+srUcnb0LhqkQUYKTNVPeCy0xEsOB+Zkla66
4wwiMSQQrdexavtzTQZnsf/8BIqjUzBRMB0GA1UdDgQWBBSFLDloMCjk7KFLPMK8
B6CdfHhCxzAfBgNVHSMEGDAWgBSFLDloMCjk7KFLPMK8B6CdfHhCxzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIGDgCg96cU7KojwEwIHpfkmMsNc3
U3QdXkeb5xXs81ybAiEA0sPRywkUk07VI4dGDWC09rCJspozbnxkoVFzqyUiAno=
-----END CERTIFICATE-----
"""


def server_context(folder: Path) -> ssl.SSLContext:
    """A context for a server; ``ssl`` reads certificates from files only."""
    file = folder / "mx.pem"
    file.write_text(PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
