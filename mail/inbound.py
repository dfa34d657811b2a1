"""What comes back by mail: its kinds, and what becomes of the message that it is about."""

import hashlib
from enum import StrEnum


class InboundKind(StrEnum):
    """What a mail to a return path is, as far as it can be read."""

    FAILED = "failed"  # a bounce: a report (RFC 3464) or a known format that says so
    DELAYED = "delayed"  # the receiver still tries
    DELIVERED = "delivered"  # delivered, relayed or expanded
    AUTO_REPLY = "auto_reply"  # out of office and the like (RFC 3834)
    COMPLAINT = "complaint"  # a feedback report (RFC 5965)
    CHALLENGE = "challenge"  # a machine that wants proof of a human sender
    REPLY = "reply"  # somebody wrote
    UNKNOWN = "unknown"  # kept for a person to look at


class MatchedBy(StrEnum):
    """How it is known which message it is about."""

    RETURN_PATH = "return_path"  # sealed by us
    MESSAGE_ID = "message_id"  # ours, in what was returned, and the recipient is the message's
    NOTHING = "nothing"


class Effect(StrEnum):
    """What became of the message."""

    FAILED = "failed"  # it was sent, now it is failed
    WAITING = "waiting"  # its own outcome is not known yet: as soon as it is
    OVER = "over"  # it was not sent, or failed before
    LATE = "late"  # the bounce came too late to count
    NONE = "none"  # nothing: of this kind, or nobody's


class Qualification(StrEnum):
    """Whether a person has to look at it."""

    TO_QUALIFY = "to_qualify"
    KNOWN = "known"


def digest_of(recipient: str, content: bytes) -> str:
    """By which a mail to one recipient is known again: SHA-256 in hexadecimal digits."""
    return hashlib.sha256(
        recipient.lower().encode("utf-8", "replace") + b"\0" + content
    ).hexdigest()
