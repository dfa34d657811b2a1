"""One connection under trace: hears it, and passes on the lines that are wanted.

Where messages are wanted and not all of a lane, the connection's own lines (greeting, EHLO, TLS)
wait until one of those messages comes by; if none does, nothing of it is told.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mail.outcome import Answer, Broken
from mta.session.envelope import Envelope
from mta.session.traced import Awaited
from mta.trace.line import Direction, Line, Subject
from mta.trace.transcript import Transcript

_WAITING_MAX: Final = 100  # lines


class ConnectionTrace:
    """A ``mta.session.traced.Listener``."""

    def __init__(
        self,
        transcript: Transcript,
        subject_of: Callable[[Envelope], Subject],
        is_wanted: Callable[[Subject | None], bool],
        write: Callable[[Sequence[Line]], None],
        now: Callable[[], float],
    ) -> None:
        """``is_wanted`` of None: the whole connection. ``now``: seconds since it was begun."""
        self._transcript = transcript
        self._subject_of, self._is_wanted = subject_of, is_wanted
        self._write, self._now = write, now
        self._waiting: deque[Line] = deque(maxlen=_WAITING_MAX)
        self._is_told = False  # its own lines are wanted from now on
        self._is_over = False

    def said(self, data: bytes) -> None:
        self._tell(self._transcript.said(data, self._now()))

    def heard(self, data: bytes) -> None:
        self._tell(self._transcript.heard(data, self._now()))

    def greeted(self, code: int, text: str) -> None:
        if self._transcript.is_unanswered:
            lines = text.split("\n")
            marks = ["-"] * (len(lines) - 1) + [" "]
            said = (f"{code}{mark}{line}\n" for mark, line in zip(marks, lines, strict=True))
            self.heard("".join(said).encode("utf-8", "surrogateescape"))

    def event(self, text: str, *, is_end: bool = False) -> None:
        if is_end and self._is_over:
            return
        self._is_over = self._is_over or is_end
        self._tell([Line(self._now(), Direction.EVENT, text)])

    def opened(self) -> None:
        self._transcript.opened(self._now())
        self.event("connected")

    def joined(self, awaited: Sequence[Awaited], unwritten: int | None) -> None:
        due = [
            (answers, None if envelope is None else self._subject_of(envelope))
            for answers, envelope in awaited
        ]
        self._transcript.join(due, unwritten, self._now())
        waits = f": {due[0][0]} is not answered yet" if due else ""
        self.event(f"recording begins on an open connection{waits}")

    def took(self, envelope: Envelope) -> None:
        self._transcript.take(self._subject_of(envelope))

    def answered(self, envelope: Envelope, answer: Answer) -> None:
        self._transcript.drop(envelope.message_id)
        if isinstance(answer, Broken):
            text = f"no answer to {answer.stage}: {answer.error}"
            line = Line(self._now(), Direction.EVENT, text, self._subject_of(envelope))
            self._tell([line])

    def untried(self, envelope: Envelope) -> None:
        self._transcript.drop(envelope.message_id)
        subject = self._subject_of(envelope)
        self._tell([Line(self._now(), Direction.EVENT, "given back, not sent", subject)])

    def _tell(self, lines: Sequence[Line]) -> None:
        if self._is_wanted(None):
            self._flush()
            self._write(lines)
            return
        found: list[Line] = []
        for line in lines:
            if line.subject is None and not self._is_told:
                self._waiting.append(line)
            elif line.subject is None:
                found.append(line)
            elif self._is_wanted(line.subject):
                found += [*self._taken_out(), line]
        if found:
            self._write(found)

    def begin_to_tell(self) -> None:
        """A message that is wanted waits for this connection: tell from its first line."""
        self._is_told = True

    def _flush(self) -> None:
        waiting = self._taken_out()
        if waiting:
            self._write(waiting)

    def _taken_out(self) -> list[Line]:
        self._is_told = True
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting
