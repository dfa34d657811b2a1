"""What a recipient's local part asks the sink to do, as in ``bounce-550-5.1.1@example.test``.

A wish is the whole local part or what follows its first ``+`` (``anna+defer2x@…``)::

    bounce, bounce-552, bounce-550-5.1.1    refused with that reply at RCPT
    defer, defer-451, defer-421-4.7.0       the same with a temporary reply, each time
    defer2x                                 the first two attempts deferred, then accepted
    slow-3s, slow-500ms                     the reply to RCPT comes that much later
    drop                                    the connection ends instead of the reply to RCPT
    drop-body                               it ends after the data, which is thrown away
    drop-reply                              the message is accepted, but the sender never hears it
    bounce-later, bounce-later-5.2.2        it is accepted, and bounces afterwards
    reply                                   it is accepted, and answered as by somebody who is away
    complain                                it is accepted, and complained of as spam

``slow-…`` may stand before another wish: ``slow-3s.defer2x``.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mail.notation import seconds
from mail.reply import Reply

_WISH: Final = re.compile(
    r"(?:slow-(?P<slow>\d+(?:\.\d+)?(?:ms|s|m))(?:\.(?=[bdrc])|$))?"
    r"(?:(?P<word>bounce|defer)(?:-(?P<code>[45]\d\d)(?:-(?P<enhanced>[45]\.\d{1,3}\.\d{1,3}))?)?"
    r"|defer(?P<times>\d{1,6})x"
    r"|(?P<later>bounce-later)(?:-(?P<status>[45]\.\d{1,3}\.\d{1,3}))?"
    r"|(?P<answer>reply|complain)"
    r"|(?P<drop>drop(?:-body|-reply)?))?",
    re.IGNORECASE,
)
_CODE_OF: Final = {"bounce": "550", "defer": "451"}
_ENHANCED_OF: Final = {
    "421": "4.7.0",
    "450": "4.2.1",
    "451": "4.3.0",
    "452": "4.2.2",
    "550": "5.1.1",
    "551": "5.1.6",
    "552": "5.2.2",
    "553": "5.1.3",
    "554": "5.7.1",
}
_TEXT_OF: Final = {
    "1.1": "No mailbox here by that name",
    "1.3": "That is not an address",
    "1.6": "The mailbox has moved",
    "2.1": "The mailbox is disabled",
    "2.2": "The mailbox is full",
    "3.0": "Trouble in this mail system",
    "4.5": "This mail system is congested",
    "7.0": "Not now, and not so fast",
    "7.1": "Refused by policy",
}


class Drop(StrEnum):
    """Where the connection ends without a reply."""

    RCPT = "drop"
    BODY = "drop-body"
    REPLY = "drop-reply"


class Later(StrEnum):
    """What comes back after the message was accepted."""

    BOUNCE = "bounce-later"
    REPLY = "reply"
    COMPLAIN = "complain"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sink is asked to do for one recipient."""

    reply: Reply | None = None  # refused with it, at RCPT
    defer_times: int = 0
    slow_s: float = 0.0
    drop: Drop | None = None
    later: Later | None = None
    status: str = "5.1.1"  # of a later bounce


def wish_of(recipient: str) -> Wish | None:
    """The wish in an address, or None if it is an ordinary one."""
    local = recipient.rpartition("@")[0] or recipient
    _, plus, tag = local.partition("+")
    found = _WISH.fullmatch(tag if plus else local)
    if found is None or not found[0]:
        return None
    return Wish(
        reply=_reply(found) if found["word"] else None,
        defer_times=int(found["times"] or 0),
        slow_s=seconds(found["slow"].lower()) if found["slow"] else 0.0,
        drop=Drop(found["drop"].lower()) if found["drop"] else None,
        later=Later(later.lower()) if (later := found["later"] or found["answer"]) else None,
        status=found["status"] or "5.1.1",
    )


def text_of(status: str) -> str:
    """What is said with an enhanced status code."""
    return _TEXT_OF.get(status[2:], "As the address asks")


def _reply(found: re.Match[str]) -> Reply:
    code = found["code"] or _CODE_OF[found["word"].lower()]
    enhanced = found["enhanced"] or _ENHANCED_OF.get(code, f"{code[0]}.0.0")
    return Reply(int(code), f"{enhanced} {text_of(enhanced)}")
