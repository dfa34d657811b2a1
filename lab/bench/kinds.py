"""What a benchmark runs: the whole trip, and the references that it is held against."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from lab.bench import references
from lab.bench.postfix import postfix_trip, why_no_postfix
from lab.bench.trip import whole_trip
from lab.bench.workload import Workload
from mail.errors import UserError

ALL: Final = "all"
NONE: Final = "none"
LEFT_OUT: Final = "left out"
# Slow ones send fewer messages, as their rates are steady; else a run would mostly be theirs.
_PLAIN_SHARE: Final = 0.2
_POSTFIX_SHARE: Final = 0.1


class Kind(StrEnum):
    """A kind of run; the first is ours."""

    TRIP = "whole_trip"
    BARE = "bare_loop"
    PLAIN = "plain_loop"
    SOURCE = "smtp_source"
    SOURCE_RECONNECTING = "smtp_source_reconnecting"
    BARE_INTO_SMTP_SINK = "bare_into_smtp_sink"
    TRIP_INTO_SMTP_SINK = "whole_trip_into_smtp_sink"
    POSTFIX = "postfix"

    @property
    def figure(self) -> str:
        """The name of its rate in JSON."""
        return f"{'messages' if self is Kind.TRIP else self}_per_second"


REFERENCES: Final = tuple(each for each in Kind if each is not Kind.TRIP)


class UnknownReference(UserError):
    """A reference that there is not."""


def chosen(words: str) -> tuple[Kind, ...]:
    """The references that a user names: ``all``, ``none`` or names with commas between.

    Raises:
        UnknownReference: one of them is none.
    """
    if words in (ALL, NONE):
        return REFERENCES if words == ALL else ()
    names = [each.strip().replace("-", "_") for each in words.split(",")]
    unknown = [each for each in names if each not in set(REFERENCES)]
    if unknown:
        raise UnknownReference(
            f"there is no reference {' or '.join(map(repr, unknown))}",
            remedy=f"--references takes {ALL}, {NONE}, or of these, with commas between: "
            f"{', '.join(REFERENCES)}.",
        )
    return tuple(each for each in REFERENCES if each in names)


def absent(wanted: Sequence[Kind]) -> dict[Kind, str]:
    """The references that will not be run, and why."""
    no_tools, no_postfix = references.why_no_smtp_tools(), why_no_postfix()
    why: dict[Kind, str | None] = {
        Kind.SOURCE: no_tools,
        Kind.SOURCE_RECONNECTING: no_tools,
        Kind.BARE_INTO_SMTP_SINK: no_tools,
        Kind.TRIP_INTO_SMTP_SINK: no_tools,
        Kind.POSTFIX: no_postfix,
    }
    found = {each: why.get(each) if each in wanted else LEFT_OUT for each in REFERENCES}
    return {each: reason for each, reason in found.items() if reason is not None}


def _bare_into_smtp_sink(workload: Workload, folder: Path) -> float:
    with references.smtp_sink() as address:
        return references.bare_loop(workload, folder, address)


def _trip_into_smtp_sink(workload: Workload, folder: Path) -> float:
    with references.smtp_sink() as address:
        trip = whole_trip(workload, folder / "into-smtp-sink", lambda *_: None, address)
    return trip.messages_per_second


# Each returns messages per second, in a folder of the run's own.
RUN: Final[Mapping[Kind, Callable[[Workload, Path], float]]] = {
    Kind.BARE: references.bare_loop,
    Kind.PLAIN: lambda workload, folder: references.plain_loop(
        workload.fewer(_PLAIN_SHARE), folder
    ),
    Kind.SOURCE: lambda workload, _: references.smtp_source(workload),
    Kind.SOURCE_RECONNECTING: lambda workload, _: references.smtp_source(workload, reconnects=True),
    Kind.BARE_INTO_SMTP_SINK: _bare_into_smtp_sink,
    Kind.TRIP_INTO_SMTP_SINK: _trip_into_smtp_sink,
    Kind.POSTFIX: lambda workload, _: postfix_trip(workload.fewer(_POSTFIX_SHARE)),
}
