"""The outcome journal: what a worker learnt and the store does not know yet, safe from its death.

An outcome is written here, with one system call, before its connection goes on; a killed process
loses none of them (the kernel has the bytes; a power cut is another matter). Two files take turns:
while the group of one is being committed to the store, new outcomes go to the other.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from mail.cause import Cause
from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from mail.states import MessageEvent
from store.transitions import Outcome

_SUFFIXES: Final = (".a", ".b")


class Journal:
    """The journal of one living worker; ``path`` is the common stem of its two files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._files = [os.open(f"{path}{suffix}", flags, 0o644) for suffix in _SUFFIXES]
        self._current = 0

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes with one system call, all of them or none.

        Raises:
            OSError: the disk is full or broken.
        """
        descriptor, records = self._files[self._current], b"".join(map(encode, outcomes))
        written = os.write(descriptor, records)
        if written < len(records):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def turn(self) -> int:
        """Begin a group: later outcomes go to the other file. Returns what ``forget`` wants."""
        taken = self._current
        self._current = 1 - taken
        return taken

    def forget(self, group: int) -> None:
        """The group is in the store: its file may be emptied."""
        os.ftruncate(self._files[group], 0)

    def is_empty(self) -> bool:
        """Whether the store knows all that was written here."""
        return all(os.fstat(each).st_size == 0 for each in self._files)

    def close(self, *, remove: bool) -> None:
        for descriptor in self._files:
            os.close(descriptor)
        if remove:
            remove_files(self.path)


def remove_files(path: Path) -> None:
    """Remove both files of a journal whose outcomes are all in the store."""
    for suffix in _SUFFIXES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def read(path: Path) -> tuple[list[Outcome], int]:
    """All whole outcomes of a journal, and how many records are damaged.

    A record that was cut short by the writer's death is none, and not damaged either. Order does
    not matter: a message has one outcome per attempt, and the store takes each once.
    """
    outcomes: list[Outcome] = []
    damaged = 0
    for suffix in _SUFFIXES:
        file = Path(f"{path}{suffix}")
        if file.exists():
            whole, bad = decode_all(file.read_bytes())
            outcomes.extend(whole)
            damaged += bad
    return sorted(outcomes, key=lambda each: (each.message_id, each.attempt)), damaged


def encode(outcome: Outcome) -> bytes:
    """One line of JSON."""
    verdict = outcome.verdict
    return orjson.dumps(
        (
            outcome.message_id,
            outcome.delivery_id,
            outcome.part_id,
            outcome.epoch,
            outcome.address,
            outcome.attempt,
            outcome.at,
            outcome.next_attempt_at,
            outcome.source_ip,
            outcome.mx_group,
            outcome.duration_ms,
            outcome.size_bytes,
            verdict.event,
            verdict.failure,
            verdict.reason,
            verdict.text,
            verdict.code,
            verdict.enhanced,
            verdict.cause,
            verdict.rule,
        ),
        option=orjson.OPT_APPEND_NEWLINE,
    )


def decode_all(content: bytes) -> tuple[list[Outcome], int]:
    """The outcomes of whole lines, and how many lines are none.

    What follows the last line end was cut short, and is not counted.
    """
    whole, _, _ = content.rpartition(b"\n")
    outcomes, damaged = [], 0
    for line in whole.split(b"\n"):
        if line:
            try:
                outcomes.append(_decode(orjson.loads(line)))
            except (ValueError, TypeError, IndexError):  # orjson's errors are ValueErrors
                damaged += 1
    return outcomes, damaged


def _decode(row: Sequence[Any]) -> Outcome:
    event, failure, reason, text, code, enhanced = row[12:18]
    cause = row[18] if len(row) > 18 else None  # a journal of a former version has none
    verdict = Verdict(
        MessageEvent(event),
        None if failure is None else FailureType(failure),
        None if reason is None else Reason(reason),
        text,
        code,
        enhanced,
        str(row[19]) if len(row) > 19 else "",
        None if cause is None else Cause(cause),
    )
    return Outcome(
        message_id=row[0],
        delivery_id=row[1],
        part_id=row[2],
        epoch=row[3],
        address=row[4],
        attempt=row[5],
        at=row[6],
        verdict=verdict,
        next_attempt_at=row[7],
        source_ip=row[8],
        mx_group=row[9],
        duration_ms=row[10],
        size_bytes=row[11],
    )
