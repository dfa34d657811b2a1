"""Recorded lines → dialogues: what was said on each connection, and where its time went."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mta.trace.line import Direction, Ends, Line, Recorded, Subject


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One connection; ``left_out`` counts the lines before each line that were not asked for."""

    ends: Ends
    lines: Sequence[Line]
    left_out: Sequence[int]

    @property
    def seconds(self) -> float:
        """From the first to the last line."""
        return self.lines[-1].at - self.lines[0].at

    def waits(self) -> dict[str, float]:
        """Seconds waited for replies, by what they answer, the longest first."""
        found: dict[str, float] = {}
        for line in self.lines:
            if line.answers is not None and line.waited is not None:
                found[line.answers] = found.get(line.answers, 0.0) + line.waited
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    @property
    def awaited(self) -> str | None:
        """What was said last, if nothing came after it."""
        last = self.lines[-1]
        return last.text if last.direction is Direction.SAID else None


def dialogues(
    read: Callable[[], Iterable[Recorded]],
    is_lane: Callable[[str], bool],
    is_message: Callable[[Subject], bool] | None,
    limit: int,
) -> list[Dialogue]:
    """The last connections of these lanes on which these messages went, in the order they began.

    Each has its own lines and those of the messages; with None, those of all messages. ``read`` is
    called twice, so that no more is held than is asked for.
    """
    found = {
        each.ends
        for each in read()
        if is_lane(each.ends.lane)
        and (is_message is None or (each.line.subject and is_message(each.line.subject)))
    }
    last = sorted(found, key=lambda ends: (ends.began, ends.worker, ends.connection))[-limit:]
    lines: dict[Ends, list[Line]] = {ends: [] for ends in last}
    for each in read():
        if each.ends in lines:
            lines[each.ends].append(each.line)
    return [_chosen(ends, lines[ends], is_message) for ends in last]


def _chosen(
    ends: Ends, lines: Sequence[Line], is_message: Callable[[Subject], bool] | None
) -> Dialogue:
    kept: list[Line] = []
    left_out: list[int] = []
    passed = 0
    for line in lines:
        if is_message is None or line.subject is None or is_message(line.subject):
            kept.append(line)
            left_out.append(passed)
            passed = 0
        else:
            passed += 1
    return Dialogue(ends, kept, left_out)
