"""The two marks by which a message is known again: its Message-ID and its return path.

Both name the delivery and the message, and are the same at each attempt, so that a receiver can
tell a copy and a bounce can be matched.
"""

import re
from dataclasses import dataclass
from typing import Final

_MESSAGE_ID: Final = re.compile(r"\s*<([0-9]{1,18})\.([0-9]{1,18})@([^<>@\s]+)>\s*")
# Receivers may change the case of a local part, though they should not.
_RETURN_PATH: Final = re.compile(
    r"<?bounce\+([0-9]{1,18})-([0-9]{1,18})@([^<>@\s]+?)>?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class MessageMark:
    """Which message a Message-ID or a return path stands for."""

    delivery_id: int
    message_id: int
    domain: str


def message_id_header(delivery_id: int, message_id: int, lab_domain: str) -> str:
    """``<delivery.message@domain>``, with its angle brackets."""
    return f"<{delivery_id}.{message_id}@{lab_domain}>"


def parse_message_id_header(value: str) -> MessageMark | None:
    """The message that a Message-ID names, or None if it is not one of ours."""
    return _mark(_MESSAGE_ID.fullmatch(value))


def return_path(lab_domain: str, delivery_id: int, message_id: int) -> str:
    """``bounce+delivery-message@domain``: the envelope sender of one message (VERP)."""
    return f"bounce+{delivery_id}-{message_id}@{lab_domain}"


def parse_return_path(address: str) -> MessageMark | None:
    """The message that a return path names, or None if it is not one of ours."""
    return _mark(_RETURN_PATH.fullmatch(address))


def _mark(found: re.Match[str] | None) -> MessageMark | None:
    return None if found is None else MessageMark(int(found[1]), int(found[2]), found[3])
