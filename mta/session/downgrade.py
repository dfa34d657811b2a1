"""8-bit content for a server that takes 7 bits only: the first choice of RFC 6152, section 3.

Bodies are encoded anew, text as quoted-printable, the rest as base64; headers stay as they are but
for Content-Transfer-Encoding. A message that cannot be changed without harm is left alone, and the
session fails it, which is the other choice: raw 8-bit in a header has no 7-bit form, and a
``multipart/signed`` message (RFC 1847) would lose its signature.
"""

import base64
import binascii
import email.generator
import email.parser
import email.policy
import io
from email.message import Message
from typing import Any, Final

_AS_IT_IS: Final = email.policy.compat32.clone(
    linesep="\r\n", mangle_from_=False, max_line_length=0
)
_ENCODING: Final = "Content-Transfer-Encoding"
_NOT_ENCODED: Final = ("7bit", "8bit", "binary")


def seven_bit(content: bytes) -> bytes | None:
    """The same message in 7 bits, or None if that would harm it."""
    message = email.parser.BytesParser(policy=_AS_IT_IS).parsebytes(content)
    if not all(_may_change(part) and _encode(part) for part in message.walk()):
        return None
    if "MIME-Version" not in message:
        message.add_header("MIME-Version", "1.0")
    out = io.BytesIO()
    try:
        email.generator.BytesGenerator(out, policy=_AS_IT_IS).flatten(message)
    except UnicodeError:  # 8-bit outside of all parts, such as a preamble
        return None
    changed = out.getvalue()
    return changed if changed.isascii() else None


def _may_change(part: "Message[Any, Any]") -> bool:
    is_signed = part.get_content_type() == "multipart/signed"
    return not is_signed and all(str(value).isascii() for _, value in part.raw_items())


def _encode(part: "Message[Any, Any]") -> bool:
    """Encode the part's own body; False if it cannot be."""
    if part.is_multipart():
        if _ENCODING in part:
            part.replace_header(_ENCODING, "7bit")
        return True
    stands = part.get_payload()
    if not isinstance(stands, str) or stands.isascii():
        return True
    body = part.get_payload(decode=True)
    kind = part.get_content_maintype()
    is_encoded = str(part.get(_ENCODING, "8bit")).strip().lower() not in _NOT_ENCODED
    if not isinstance(body, bytes) or kind in {"multipart", "message"} or is_encoded:
        return False
    if kind == "text":
        encoding = "quoted-printable"
        coded = binascii.b2a_qp(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    else:
        encoding = "base64"
        coded = base64.encodebytes(body).replace(b"\n", b"\r\n")
    if _ENCODING in part:
        part.replace_header(_ENCODING, encoding)
    else:
        part.add_header(_ENCODING, encoding)
    part.set_payload(coded.decode("ascii"))
    return True
