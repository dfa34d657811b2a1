"""What became of one attempt to hand a message to a receiver, before anyone judges it.

A session answers each message with exactly one of these values; ``mta/classify`` turns it into a
``Verdict``, which is all that the store needs to know.
"""

from enum import StrEnum
from typing import NamedTuple

from mail.cause import Cause
from mail.reason import FailureType, Reason
from mail.reply import Reply
from mail.states import MessageEvent


class Stage(StrEnum):
    """The step of an SMTP session (RFC 5321) at which something happened."""

    RENDER = "render"  # before any connection: the content could not be made
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # the reply to the end of data
    QUIT = "quit"


class Accepted(NamedTuple):
    """The receiver took responsibility: its reply to the end of data was positive."""

    reply: Reply


class Rejected(NamedTuple):
    """The receiver answered with 4xx or 5xx at this stage."""

    reply: Reply
    stage: Stage


class Broken(NamedTuple):
    """No usable answer: connection refused, lost, timed out, or nonsense was said.

    ``is_doubtful`` tells that the whole message had been written and its reply was never read: the
    receiver may have it, so that trying again may send it twice.
    """

    error: str
    stage: Stage
    is_doubtful: bool = False


Answer = Accepted | Rejected | Broken


class Verdict(NamedTuple):
    """The answer, judged: which event of the state machine it is, and why."""

    event: MessageEvent
    failure: FailureType | None  # None when accepted
    reason: Reason | None  # None when accepted
    text: str  # the reply's text or the error, one line
    code: int | None = None
    enhanced: str | None = None
    rule: str = ""  # the name of the bounce rule that judged; empty when none was asked
    cause: Cause | None = None  # of a deferral: what it waits for; None otherwise
