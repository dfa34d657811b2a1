r"""The bytes of one connection → lines: who said what, for which message, and what it waited for.

It follows the conversation as a server would: it knows whether we are writing commands or content,
and which replies are due, in the order of what was written (RFC 2920). No socket, no clock.

    we write         | until                              | the lines told
    -----------------+------------------------------------+--------------------------------------
    commands         | AUTH: 334; DATA: 354; BDAT: at once | each; of AUTH the mechanism alone
    secrets of AUTH  | the next line end                  | struck out
    content of DATA  | CRLF . CRLF                        | how much, for each write
    content of BDAT  | as many bytes as it said           | likewise
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from mta.trace.line import Direction, Line, Subject

CONTENT_MAX: Final = 65536  # bytes kept of one message's content
TEXT_MAX: Final = 1000  # characters kept of a line; RFC 5321 says 512
_LINE_MAX: Final = 65536  # bytes that wait for their line end
_END: Final = b"\r\n.\r\n"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
GREETING: Final = "the greeting"
END_OF_DATA: Final = "the end of data"
_STRUCK_OUT: Final = "***"


class _Writing(Enum):
    """What our next bytes are."""

    COMMANDS = auto()
    SECRETS = auto()
    DATA = auto()
    BDAT = auto()
    BEFORE = auto()  # written, as far as sessions go, before anybody listened


@dataclass(slots=True, eq=False)
class _Due:
    """A reply that is due."""

    answers: str
    subject: Subject | None
    since: float


class Transcript:
    """Hand it all that is said and heard, in order; it returns what is to be told of it."""

    def __init__(
        self,
        strike: Callable[[str], str] = lambda text: text,
        keeps_content: Callable[[], bool] = lambda: False,
    ) -> None:
        """``strike`` takes what is secret out of a text."""
        self._strike, self._keeps_content = strike, keeps_content
        self._taken: deque[Subject] = deque()  # messages whose MAIL was not said yet
        self._due: deque[_Due] = deque()
        self._writing = _Writing.COMMANDS
        self._subject: Subject | None = None  # of what we are writing
        self._left = 0  # bytes of BDAT, or from before
        self._tail = b""  # of the content, in which its end may begin
        self._ending: _Due | None = None  # the reply that BDAT's content will bring
        self._kept = 0  # bytes of content told
        self._said = b""  # begun lines
        self._heard = b""
        self._is_in_reply = False
        self._replied_at = 0.0

    # --- what is known from elsewhere

    def opened(self, at: float) -> None:
        """The connection is there; the greeting is due."""
        self._due.append(_Due(GREETING, None, at))

    @property
    def is_unanswered(self) -> bool:
        """Whether nothing was heard yet of a greeting that is due."""
        return bool(self._due) and self._due[0].answers == GREETING and not self._is_in_reply

    def take(self, subject: Subject) -> None:
        """The session has this message; its MAIL comes after those of all taken before."""
        self._taken.append(subject)

    def drop(self, message_id: int) -> None:
        """The session has done with it; if its MAIL was not said, it never will be."""
        for each in self._taken:
            if each.message_id == message_id:
                self._taken.remove(each)
                return

    def join(
        self, due: Sequence[tuple[str, Subject | None]], unwritten: int | None, at: float
    ) -> None:
        """The conversation is under way; ``unwritten`` bytes of it come still, None: of content."""
        self._due.extend(_Due(answers, subject, at) for answers, subject in due)
        self._subject = due[-1][1] if due else None
        if unwritten is None:
            self._writing = _Writing.DATA
        elif unwritten:
            self._writing, self._left = _Writing.BEFORE, unwritten

    # --- the conversation

    def said(self, data: bytes, at: float) -> list[Line]:
        """We write this."""
        lines: list[Line] = []
        while data:
            match self._writing:
                case _Writing.COMMANDS | _Writing.SECRETS:
                    data = self._command(data, at, lines)
                case _Writing.DATA:
                    data = self._data(data, at, lines)
                case _Writing.BDAT | _Writing.BEFORE:
                    data = self._counted(data, at, lines)
        return lines

    def _command(self, data: bytes, at: float, lines: list[Line]) -> bytes:
        line, found, rest = (self._said + data).partition(b"\n")
        if not found:
            self._said = line[-_LINE_MAX:]
            return b""
        self._said = b""
        if self._writing is _Writing.SECRETS:
            self._writing = _Writing.COMMANDS
            lines.append(Line(at, Direction.SAID, _STRUCK_OUT))
            self._due.append(_Due("AUTH", None, at))
            return rest
        words = line.strip().upper().split(b" ")
        verb = words[0].partition(b":")[0].decode("ascii", "replace")
        if verb == "MAIL":
            self._subject = self._taken.popleft() if self._taken else None
            self._kept = 0
        subject = self._subject if verb in ("MAIL", "RCPT", "DATA", "BDAT") else None
        if verb == "RSET" and self._taken:
            subject = self._taken[0]  # for which it makes room
        text = self._text(line.rstrip(b"\r"))
        if verb == "AUTH" and len(words) > 2:
            text = f"AUTH {words[1].decode('ascii', 'replace')} {_STRUCK_OUT}"
        lines.append(Line(at, Direction.SAID, text, subject))
        due = _Due(verb, subject, at)
        self._due.append(due)
        if verb == "BDAT" and len(words) > 1 and words[1].isdigit() and int(words[1]):
            self._writing, self._left, self._ending = _Writing.BDAT, int(words[1]), due
        return rest

    def _data(self, data: bytes, at: float, lines: list[Line]) -> bytes:
        window = self._tail + data
        end = window.find(_END)
        used = len(data) if end < 0 else end + len(_END) - len(self._tail)
        self._tail = window[1 - len(_END) :]
        lines.append(self._content(data[:used], at))
        if end >= 0:
            self._writing = _Writing.COMMANDS
            self._due.append(_Due(END_OF_DATA, self._subject, at))
        return data[used:]

    def _counted(self, data: bytes, at: float, lines: list[Line]) -> bytes:
        taken, rest = data[: self._left], data[self._left :]
        self._left -= len(taken)
        if self._writing is _Writing.BDAT:
            lines.append(self._content(taken, at))
        else:
            text = f"({len(taken)} bytes of what was being written when recording began)"
            lines.append(Line(at, Direction.SAID, text, None, size=len(taken)))
        if self._ending is not None:
            self._ending.since = at
        if not self._left:
            self._writing, self._ending = _Writing.COMMANDS, None
        return rest

    def _content(self, data: bytes, at: float) -> Line:
        content = None
        if self._keeps_content():
            kept = data[: max(0, CONTENT_MAX - self._kept)]
            self._kept += len(kept)
            content = self._strike(kept.decode("utf-8", "replace"))
        text = f"({len(data)} bytes of content)"
        return Line(at, Direction.SAID, text, self._subject, size=len(data), content=content)

    def heard(self, data: bytes, at: float) -> list[Line]:
        """The server sent this."""
        *found, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > _LINE_MAX:
            found.append(self._heard)
            self._heard = b""
        return [self._reply_line(each.rstrip(b"\r"), at) for each in found]

    def _reply_line(self, line: bytes, at: float) -> Line:
        due = self._due[0] if self._due else None
        is_first, is_last = not self._is_in_reply, line[3:4] != b"-"
        waited = None
        if due is not None and is_first:
            waited = max(0.0, at - max(due.since, self._replied_at))
        self._is_in_reply = not is_last
        if is_last and due is not None:
            self._due.popleft()
            self._replied_at = at
            self._go_on(due, line[:3])
        return Line(
            at,
            Direction.HEARD,
            self._text(line),
            None if due is None else due.subject,
            due.answers if due is not None and is_first else None,
            waited,
        )

    def _go_on(self, due: _Due, code: bytes) -> None:
        """What a reply makes of what we write next."""
        if due.answers == "DATA" and code == b"354":
            self._writing, self._subject, self._tail = _Writing.DATA, due.subject, b"\r\n"
        elif due.answers == "AUTH" and code == b"334":
            self._writing = _Writing.SECRETS

    def _text(self, line: bytes) -> str:
        text = self._strike(_CONTROL.sub("\ufffd", line.decode("utf-8", "replace")))
        return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
