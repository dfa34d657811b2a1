"""What a dialogue waits for, and what it tells: the words that both kinds of it share."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mail.outcome import Answer, Stage
from mta.session.envelope import Envelope
from mta.session.replies import GOES_ON


class Answered(NamedTuple):
    """What became of a message."""

    envelope: Envelope
    answer: Answer


class Untried(NamedTuple):
    """A message that is given back: its commands may have gone out, its body did not."""

    envelope: Envelope


class Ended(NamedTuple):
    """The session is over: close the connection."""

    reason: str
    is_ours: bool  # we said QUIT or gave up; otherwise the other side is the cause


Event = Answered | Untried | Ended


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Something that the server will answer; compared by identity."""

    name: str
    stage: Stage
    goes_on: int | None  # first digit of its good replies; None: whatever is said is good


MAIL: Final = Step("MAIL", Stage.MAIL, GOES_ON[Stage.MAIL])
RCPT: Final = Step("RCPT", Stage.RCPT, GOES_ON[Stage.RCPT])
DATA: Final = Step("DATA", Stage.DATA, GOES_ON[Stage.DATA])
BODY: Final = Step("the end of data", Stage.BODY, GOES_ON[Stage.BODY])
EMPTY: Final = Step("the end of no data", Stage.BODY, None)
BDAT: Final = Step("BDAT", Stage.BODY, GOES_ON[Stage.BODY])
RSET: Final = Step("RSET", Stage.MAIL, 2)
QUIT: Final = Step("QUIT", Stage.QUIT, None)


@dataclass(slots=True, eq=False)
class Transaction:
    """One message on its way."""

    envelope: Envelope
    fit: Envelope  # as this server can take it
    is_open: bool = False  # the server has begun it, and its body is not out
    is_answered: bool = False
    is_written: bool = False  # its body is out
