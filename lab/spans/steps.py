"""Steps of attempts, from what `mtalab trace on` had recorded of the connections."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mta.trace import files

_EARLY_S: Final = 0.005  # the attempt's times are rounded otherwise than those of its lines
_ANSWERS: Final = b'"answers":"'


class Step(NamedTuple):
    """A word of ours and the wait for its reply; times in epoch seconds."""

    name: str  # MAIL, RCPT, DATA, the end of data, …
    begin: float
    end: float
    reply: str


Steps = Mapping[int, Sequence[Step]]  # by message number, in the order of their ends


def recorded_steps(folder: Path) -> Steps:
    """What is recorded of replies to messages; their contents are not kept."""
    found: dict[int, list[Step]] = {}
    for ends, line in files.having(folder, (_ANSWERS,)):
        if line.subject is None or line.answers is None or line.waited is None:
            continue
        end = ends.began + line.at
        step = Step(line.answers, end - line.waited, end, line.text)
        found.setdefault(line.subject.message_id, []).append(step)
    return {number: sorted(steps, key=lambda each: each.end) for number, steps in found.items()}


def within(steps: Sequence[Step], begin: float, end: float) -> list[Step]:
    """Those that belong to an attempt of that time."""
    return [each for each in steps if begin - _EARLY_S <= each.end <= end + _EARLY_S]
