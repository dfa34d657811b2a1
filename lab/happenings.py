"""What happens in a lab, told in order and once: transitions of messages, entries of the audit.

A place in both logs is all that a reader has to remember. It lies behind what is settled
(``store.tail``), so that going on from it leaves nothing out, whoever commits in which order.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mail.errors import UserError
from store import audit, log
from store.engine import Tx
from store.tail import Tail, of_audit, of_transitions

ROWS_MAX: Final = 20_000  # looked through at once, if few of them are wanted
BATCH: Final = 200  # told at once: what is held for a reader who is slow
_PLACE: Final = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


class BadPlace(UserError):
    """A text that names no place in the logs."""


@dataclass(frozen=True, slots=True)
class Place:
    """All up to these two numbers is told."""

    transition: int
    audit: int

    def __str__(self) -> str:
        return f"{self.transition}-{self.audit}"


def place_of(text: str) -> Place:
    """The place that ``str`` of one names; raises BadPlace."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadPlace(
            f"{text[:40]!r} is no place in the log",
            remedy="Give the `id` of the last event that you have, or 0-0 for all from the first.",
        )
    return Place(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened, and the place after it."""

    what: log.Transition | audit.AuditEntry
    place: Place


@dataclass(frozen=True, slots=True)
class Batch:
    """The next of it; ``has_more``: ask again at once."""

    told: Sequence[Told]
    until: Place
    has_more: bool


class Happenings:
    """What one reader follows; ``begin`` and ``next`` are operations of the store.

    Args:
        wanted: of the transitions. Of the audit: what concerns the same delivery, and nothing
            where transitions to one status alone are wanted.
        with_audit: whether the audit is wanted at all.
    """

    def __init__(self, wanted: log.Filter, *, with_audit: bool = True) -> None:
        self._wanted = wanted
        self._with_audit = with_audit and wanted.status is None
        self._transitions, self._audit = of_transitions(), of_audit()

    def begin(self, tx: Tx) -> Place | None:
        """The place of now; None: somebody is about to commit, so ask again in a moment."""
        place = Place(self._transitions.advance(tx), self._audit.advance(tx))
        return place if self._transitions.is_known and self._audit.is_known else None

    def next(self, tx: Tx, after: Place) -> Batch:
        """What is settled after a place, some ``BATCH`` of it."""
        changes_end, is_all_changes = _reach(tx, self._transitions, after.transition)
        changes = log.transitions(
            tx,
            self._wanted,
            after_id=min(after.transition, changes_end),
            before_id=changes_end + 1,
            limit=BATCH,
        )
        if len(changes) == BATCH:
            changes_end, is_all_changes = changes[-1].id, False
        entries_end, is_all_entries = _reach(tx, self._audit, after.audit)
        entries: list[audit.AuditEntry] = []
        if self._with_audit:
            entries = audit.following(
                tx,
                after_id=min(after.audit, entries_end),
                up_to_id=entries_end,
                delivery_id=self._wanted.delivery_id,
                limit=BATCH,
            )
        if len(entries) == BATCH:
            entries_end, is_all_entries = entries[-1].id, False
        until = Place(changes_end, entries_end)
        told = list(_in_time(changes, entries, after))
        return Batch(told, until, has_more=not (is_all_changes and is_all_entries))


def _reach(tx: Tx, tail: Tail, after: int) -> tuple[int, bool]:
    """How far a log is read now, and whether that is all that is settled of it."""
    settled = tail.advance(tx)
    # SQLite gives the numbers of rows anew when the last ones are gone.
    after = min(after, tail.newest)
    end = max(after, min(settled, after + ROWS_MAX))
    return end, end >= settled


def _in_time(
    changes: Sequence[log.Transition], entries: Sequence[audit.AuditEntry], after: Place
) -> Iterator[Told]:
    """Both as one; each log keeps the order in which it was written."""
    place, one, other = after, list(changes), list(entries)
    one.reverse()
    other.reverse()
    while one or other:
        if one and not (other and other[-1].at < one[-1].at):
            change = one.pop()
            place = Place(change.id, place.audit)
            yield Told(change, place)
        else:
            entry = other.pop()
            place = Place(place.transition, entry.id)
            yield Told(entry, place)
