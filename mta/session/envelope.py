"""One message as a session sends it, what its server offers, and how the two are made to fit."""

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mail.reply import Reply
from mta.session.downgrade import seven_bit

# Whatever could end the address or the command; lone surrogates have no UTF-8.
_UNSAFE: Final = re.compile("[\x00-\x20\x7f<>\ud800-\udfff]")
_SIZE_DIGITS_MAX: Final = 20  # RFC 1870, section 3


class Envelope(NamedTuple):
    """One message to one recipient; ``content`` has CRLF line ends and is not dot-stuffed."""

    message_id: int
    sender: str
    recipient: str
    content: bytes
    needs_smtputf8: bool = False
    token: Any = None  # the owner's own
    is_dotless: bool = False  # no line is known to begin with a dot


@dataclass(frozen=True, slots=True)
class Offers:
    """The extensions of a server that matter to us, as its EHLO reply names them."""

    pipelining: bool = False
    smtputf8: bool = False
    eightbitmime: bool = False
    size: int | None = None  # largest message in bytes; 0: no fixed limit; None: SIZE not offered
    chunking: bool = False

    @classmethod
    def from_ehlo(cls, text: str) -> "Offers":
        """Read the reply's lines, without their codes; the first is the server's name."""
        words = [line.split() for line in text.split("\n")[1:]]
        offered = {each[0].upper(): each[1:] for each in words if each}
        return cls(
            pipelining="PIPELINING" in offered,
            smtputf8="SMTPUTF8" in offered,
            eightbitmime="8BITMIME" in offered,
            size=_limit(offered["SIZE"]) if "SIZE" in offered else None,
            chunking="CHUNKING" in offered,
        )


def _limit(parameters: list[str]) -> int:
    first = parameters[0] if parameters else ""
    is_number = first.isascii() and first.isdigit() and len(first) <= _SIZE_DIGITS_MAX
    return int(first) if is_number else 0


def fitted(envelope: Envelope, offers: Offers) -> Envelope | Reply:
    """The message as the server can take it, or the reply that we give in the server's stead.

    Addresses and headers beyond ASCII have no other form (RFC 6531, 3.2); bodies beyond 7 bits have
    (RFC 6152, 3). What is larger than the server takes is not sent at all (RFC 1870).
    """
    unsayable = _unsayable(envelope, offers)
    if unsayable is not None:
        return unsayable
    if not offers.eightbitmime and not envelope.content.isascii():
        changed = seven_bit(envelope.content)
        if changed is None:
            return Reply(554, "5.6.3 message needs 8BITMIME, which the server does not offer")
        envelope = envelope._replace(content=changed, is_dotless=False)
    if offers.size and len(envelope.content) > offers.size:
        return Reply(
            552,
            f"5.3.4 message size {len(envelope.content)} exceeds the {offers.size} bytes "
            "that the server takes",
        )
    return envelope


def _unsayable(envelope: Envelope, offers: Offers) -> Reply | None:
    if not envelope.recipient or _UNSAFE.search(envelope.recipient) is not None:
        return Reply(553, "5.1.3 recipient address cannot be said in SMTP")
    if _UNSAFE.search(envelope.sender) is not None:
        return Reply(553, "5.1.7 sender address cannot be said in SMTP")
    if offers.smtputf8:
        return None
    if not (envelope.sender.isascii() and envelope.recipient.isascii()):
        return Reply(550, "5.6.7 address needs SMTPUTF8, which the server does not offer")
    if envelope.needs_smtputf8:
        return Reply(550, "5.6.9 message needs SMTPUTF8, which the server does not offer")
    return None


def mail_command(envelope: Envelope, offers: Offers) -> str:
    """MAIL with the parameters that the message needs and the server knows; no line end."""
    command = f"MAIL FROM:<{envelope.sender}>"
    if offers.size is not None:
        command += f" SIZE={len(envelope.content)}"
    if not envelope.content.isascii():
        command += " BODY=8BITMIME"
    if _is_internationalized(envelope):
        command += " SMTPUTF8"
    return command


def rcpt_command(envelope: Envelope) -> str:
    """RCPT; no line end."""
    return f"RCPT TO:<{envelope.recipient}>"


def ended(content: bytes) -> bytes:
    """The content with a line end at its end, as DATA has it anyway."""
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def stuffed(content: bytes, *, is_dotless: bool = False) -> bytes:
    """The content as DATA wants it (RFC 5321, 4.5.2), up to but without the final dot.

    Dots after a bare LF are doubled too: a server that takes LF for a line end must not find the
    end of data in the middle of a message.
    """
    content = ended(content)
    if is_dotless:
        return content
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\n.", b"\n..")


def _is_internationalized(envelope: Envelope) -> bool:
    return envelope.needs_smtputf8 or not (
        envelope.sender.isascii() and envelope.recipient.isascii()
    )
