"""AUTH (RFC 4954) by PLAIN, LOGIN or CRAM-MD5; aiosmtplib says them.

A password is said over TLS only, except to this machine. A mechanism that the server does not take
after all is followed by the next one; a password that it does not take is not tried again, since
accounts are locked for that. What a server echoes of the password is struck out.
"""

import base64
import ipaddress
from typing import Final

import aiosmtplib

from mail.outcome import Broken, Stage
from mta.session.settings import Credentials

# Over TLS the plainest, which every server must know; without, the one that hides the password.
_OVER_TLS: Final = ("plain", "login", "cram-md5")
_IN_CLEAR: Final = ("cram-md5", "plain", "login")
_ANOTHER_MECHANISM: Final = (500, 501, 502, 503, 504, 534)
_STRUCK_OUT: Final = "***"


async def log_in(
    smtp: aiosmtplib.SMTP, credentials: Credentials, peer: str, *, is_encrypted: bool
) -> Broken | None:
    """Log in, or say why that is not tried. ``peer`` is the server's IP address.

    Raises:
        SMTPAuthenticationError: the server's refusal, without our password in it.
    """
    if not is_encrypted and not ipaddress.ip_address(peer).is_loopback:
        return Broken("AUTH is said over TLS only, which this connection has not", Stage.AUTH)
    if not smtp.supports_extension("auth"):
        return Broken("AUTH is configured and the server does not offer it", Stage.AUTH)
    known = _OVER_TLS if is_encrypted else _IN_CLEAR
    usable = [each for each in known if each in smtp.server_auth_methods]
    if not usable:
        offered = ", ".join(each.upper() for each in smtp.server_auth_methods)
        return Broken(f"AUTH is offered by {offered} only, which we do not speak", Stage.AUTH)
    for each in usable:
        try:
            await _say(smtp, each, credentials)
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code not in _ANOTHER_MECHANISM or each is usable[-1]:
                said = struck_out(credentials, error.message)
                raise aiosmtplib.SMTPAuthenticationError(error.code, said) from None
        else:
            break
    return None


async def _say(smtp: aiosmtplib.SMTP, mechanism: str, credentials: Credentials) -> None:
    say = {
        "plain": smtp.auth_plain,
        "login": smtp.auth_login,
        "cram-md5": smtp.auth_crammd5,
    }[mechanism]
    await say(credentials.user, credentials.password)


def struck_out(credentials: Credentials, text: str) -> str:
    """A text without the password, in the forms in which AUTH says it."""
    password = credentials.password.encode()
    plain = b"\0" + credentials.user.encode() + b"\0" + password
    for secret in (
        credentials.password,
        *(base64.b64encode(x).decode() for x in (password, plain)),
    ):
        text = text.replace(secret, _STRUCK_OUT)
    return text
