"""What a worker is to record of what is said on its connections, and where it goes.

While nothing is wanted, a connection costs the one look that finds no tracer in its pool.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from mta.held import HeldMessage
from mta.session.envelope import Envelope
from mta.session.login import struck_out
from mta.session.settings import Credentials
from mta.trace.connection import ConnectionTrace
from mta.trace.files import TraceFile
from mta.trace.line import Ends, Line, Subject, encode
from mta.trace.transcript import Transcript
from store.traces import Trace, TraceKind
from world.clock import Clock
from world.log import SILENT, Log

# Whether a message that waits is one that the caller asks for.
Waiting = Callable[[Callable[[HeldMessage], bool]], bool]


class Tracer:
    """The traces of one worker; they are kept in ``folder``."""

    def __init__(self, folder: Path, name: str, clock: Clock, log: Log = SILENT) -> None:
        self.folder = folder
        self._name, self._clock, self._log = name, clock, log
        self._file = TraceFile(folder, name)
        self._asked: Sequence[Trace] = ()
        self._wanted: Sequence[Trace] = ()  # none of it where it cannot be kept
        self._connections = 0

    @property
    def is_on(self) -> bool:
        return bool(self._wanted)

    def obey(self, wanted: Sequence[Trace]) -> bool:
        """Record this from now on; returns whether it is something else than before."""
        if list(wanted) == list(self._asked):
            return False
        self._asked = self._wanted = tuple(wanted)
        self._file.close()
        return True

    def connection(
        self, lane: str, host: str, credentials: Credentials | None, waiting: Waiting
    ) -> ConnectionTrace:
        """Somebody who hears a connection that begins now."""
        self._connections += 1
        began, zero = self._clock.now(), self._clock.monotonic()
        ends = Ends(self._name, lane, self._connections, host, began)

        def is_wanted(subject: Subject | None) -> bool:
            return _any_covers(self._wanted, lane, subject)

        def now() -> float:
            return self._clock.monotonic() - zero

        def is_content_wanted(subject: Subject | None = None) -> bool:
            asked = [each for each in self._wanted if each.content]
            return bool(asked) if subject is None else _any_covers(asked, lane, subject)

        def write(lines: Sequence[Line]) -> None:
            kept = (
                each
                if each.content is None or is_content_wanted(each.subject)
                else each._replace(content=None)
                for each in lines
            )
            self._write(b"".join(encode(ends, each) for each in kept))

        def strike(text: str) -> str:
            return text if credentials is None else struck_out(credentials, text)

        transcript = Transcript(strike, is_content_wanted)
        found = ConnectionTrace(transcript, subject_of, is_wanted, write, now)
        if not is_wanted(None) and waiting(lambda held: is_wanted(_subject(held))):
            found.begin_to_tell()
        return found

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:  # a trace is no reason to stop sending
            self._wanted = ()
            self._log.error("trace_unwritable", note=f"recording ends: {error}")


def subject_of(envelope: Envelope) -> Subject:
    """The message of an envelope of ours."""
    return _subject(envelope.token)


def _subject(held: HeldMessage) -> Subject:
    return Subject(held.message.message_id, held.part.lease.delivery_id, held.message.domain)


def _any_covers(wanted: Sequence[Trace], lane: str, subject: Subject | None) -> bool:
    return any(_covers(each, lane, subject) for each in wanted)


def _covers(wanted: Trace, lane: str, subject: Subject | None) -> bool:
    """Whether a trace is of this message; of None: of the whole lane."""
    match wanted.kind:
        case TraceKind.ALL:
            return True
        case TraceKind.LANE:
            return wanted.value == lane
        case TraceKind.DOMAIN:
            return subject is not None and fnmatchcase(subject.domain, wanted.value)
        case TraceKind.DELIVERY:
            return subject is not None and str(subject.delivery_id) == wanted.value
