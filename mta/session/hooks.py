"""What a session asks of its owner, and tells it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from mail.outcome import Answer
from mta.session.envelope import Envelope


class Timing(NamedTuple):
    """How long a message took: from writing its MAIL to its answer, 0 if it never went out.

    A pipelined message is written while the one before it is being taken, so that it includes
    that wait.
    """

    duration_s: float


@dataclass(frozen=True, slots=True)
class Hooks:
    """Called in the loop's thread, never from two places at once.

    Each envelope that ``pull`` handed out comes back exactly once, in ``answered`` or ``untried``.
    An exception from a hook ends the session and is raised by its ``run``.
    """

    pull: Callable[[], Envelope | None]  # None: nothing may go now; ``wake`` says when to ask again
    may_send: Callable[[Envelope], bool]  # asked last before the body: no ends the session
    answered: Callable[[Envelope, Answer, Timing], None]
    untried: Callable[[Envelope], None]  # given back; no attempt was made
    # Entered around what is told of one read: it may be written down together, before it is left.
    together: Callable[[], AbstractContextManager[object]] = nullcontext
