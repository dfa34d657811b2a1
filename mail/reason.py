"""Why a message was not delivered: reasons and failure types of the modelled system.

Codes and types are those that Adobe Campaign Classic documents ("Understanding delivery
failures"); reasons above 200 are ours, for what the modelled system has no code for.
"""

from enum import IntEnum, StrEnum


class FailureType(StrEnum):
    """What a failure means for the address and for the next attempt."""

    HARD = "hard"  # the address is bad: quarantined at once, not retried
    SOFT = "soft"  # temporary or unclear: counted against the address, retried
    IGNORED = "ignored"  # known and technical: never counted against the address, retried
    UNDEFINED = "undefined"  # nobody has classified this text yet: treated as soft


class Reason(IntEnum):
    """The reason as users filter by it; ``label`` is what they read."""

    NOT_DEFINED = 0
    USER_UNKNOWN = 1
    INVALID_DOMAIN = 2
    UNREACHABLE = 3
    ACCOUNT_DISABLED = 4
    MAILBOX_FULL = 5
    NOT_CONNECTED = 6
    ADDRESS_NOT_SPECIFIED = 7
    DENYLISTED = 8
    QUARANTINED = 9
    DUPLICATE = 10
    REFUSED = 20
    ERROR_IGNORED = 25
    GREYLISTED = 201
    THROTTLED = 202  # the receiver asks for less: 421 or 450 about rate or connections
    MESSAGE_TOO_LARGE = 203
    PERSONALIZATION = 204  # the content could not be made for this recipient
    EXPIRED = 205
    WITHDRAWN = 206
    PROTOCOL = 207  # what the server said is not SMTP, or lacks what the message needs
    TLS_FAILED = 208  # encryption that is demanded cannot be had
    AUTH_FAILED = 209  # the server does not let us log in, or we must not
    CERTIFICATE_EXPIRED = 210  # or not valid yet
    CERTIFICATE_SELF_SIGNED = 211
    CERTIFICATE_WRONG_NAME = 212
    CERTIFICATE_NOT_TRUSTED = 213  # of an unknown authority, or wrong in another way

    @property
    def label(self) -> str:
        return self.name.lower()
