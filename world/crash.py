"""Named points at which a process can be made to die, to prove that nothing is lost there.

``MTALAB_CRASH_AT=POINT:N:FILE`` lets the first process that reaches POINT for the Nth time end
itself by SIGKILL, as a crash would: no handler runs, no buffer is flushed. FILE is made as it dies
and holds its process number; while it is there nobody dies again. With ``MTALAB_CRASH_BY=STOP`` it
only stops there (SIGSTOP), for somebody to look at what is known at that instant, and to kill it.

A simulation, whose processes are not the system's, hears of each point by ``heard_by``. Without it
and without the variable a point costs two comparisons. No configuration can set it:
docs/crash-safety.md has the points and what was seen at each.
"""

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

VARIABLE: Final = "MTALAB_CRASH_AT"
HOW: Final = "MTALAB_CRASH_BY"

_given = os.environ.get(VARIABLE, "").split(":", 2)
_point = _given[0]
_reached: Final[Counter[str]] = Counter()
_hear: Callable[[str], None] | None = None


def begin(environ: Mapping[str, str]) -> None:
    """A process that was forked goes by an environment of its own from here on."""
    global _given, _point  # noqa: PLW0603 - a point has nothing but this module
    _given = environ.get(VARIABLE, "").split(":", 2)
    _point = _given[0]
    _reached.clear()


def reach(point: str) -> None:
    """Go on, unless this is the point at which to die."""
    if _hear is not None:
        _hear(point)
    if point == _point:
        _reached[point] += 1
        if _reached[point] >= int(_given[1]):
            _die(_given[2])


@contextlib.contextmanager
def heard_by(hear: Callable[[str], None]) -> Iterator[None]:
    """While this lasts ``hear`` is called at each point, by whoever reaches it."""
    global _hear  # noqa: PLW0603 - a point has nothing but this module
    before, _hear = _hear, hear
    try:
        yield
    finally:
        _hear = before


def _die(file: str) -> None:
    try:
        mark = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(mark, str(os.getpid()).encode())
    os.close(mark)
    os.kill(os.getpid(), signal.Signals[f"SIG{os.environ.get(HOW, 'KILL')}"])
