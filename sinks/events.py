"""What happens to a sink, and what it does about it: the words of the state machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from mail.reply import Reply
from sinks.faults import Cut, Stall


@dataclass(frozen=True, slots=True)
class Connected:
    """A peer has connected and waits for the greeting."""

    stage: ClassVar = "connect"
    ip: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A peer that was greeted is gone; the answer means nothing."""

    ip: str


@dataclass(frozen=True, slots=True)
class Greeted:
    """EHLO or HELO was said."""

    stage: ClassVar = "ehlo"
    ip: str
    is_extended: bool = True  # EHLO


@dataclass(frozen=True, slots=True)
class TlsAsked:
    """STARTTLS was said."""

    stage: ClassVar = "starttls"
    ip: str


@dataclass(frozen=True, slots=True)
class MailFrom:
    """MAIL FROM was said; ``number`` counts those of the connection that were accepted, from 1."""

    stage: ClassVar = "mail"
    ip: str
    sender: str
    number: int = 1
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class RcptTo:
    """RCPT TO was said."""

    stage: ClassVar = "rcpt"
    ip: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class DataBegins:
    """DATA was said; the recipients are those that were accepted."""

    stage: ClassVar = "data"
    ip: str
    sender: str
    recipients: Sequence[str]


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The whole message has been read; the recipients are those that were accepted."""

    stage: ClassVar = "body"
    ip: str
    sender: str
    recipients: Sequence[str]


@dataclass(frozen=True, slots=True)
class Leaving:
    """QUIT was said."""

    stage: ClassVar = "quit"
    ip: str


Asked = Connected | Greeted | TlsAsked | MailFrom | RcptTo | DataBegins | EndOfData | Leaving
Event = Asked | Disconnected


class Action(StrEnum):
    """What the sink does."""

    ACCEPT = "accept"
    REFUSE = "refuse"  # with the answer's reply; 421 also ends the connection
    DROP = "drop"  # the connection ends without a reply
    ACCEPT_UNHEARD = "accept_unheard"  # accepted, but the connection ends before the reply


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sink does about an event, and how many seconds later."""

    action: Action = Action.ACCEPT
    reply: Reply | None = None  # given when refused
    delay_s: float = 0.0
    stall: Stall | None = None  # the reply is held back beyond the delay
    cut: Cut | None = None  # how a dropped connection ends, or that an accepted one ends, and where


ACCEPT = Answer()
DROP_IT = Answer(Action.DROP)
