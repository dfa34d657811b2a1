"""How far a log that only grows can be read without leaving a gap behind.

Whoever reads a log by its numbers, and remembers the last, must not pass by a row that is not
committed yet. On SQLite there is none: one writer at a time draws numbers and commits. PostgreSQL
draws a number as a row is inserted, and the transaction may commit after others with higher ones.

A transaction holds its lock on the table from before it draws its first number until after its
rows can be seen. So look for the highest number that can be seen, *then* ask who holds such a lock:
once all of those have ended, every row up to that number is there or never will be. Nobody waits
for the reader.
"""

from sqlalchemy import Table, select

from store import tables
from store.engine import Tx


class Tail:
    """Follows the end of one log; each reader has its own, for ``Store.read(tail.advance)``."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.newest = 0  # the last row that can be seen, at the last look but those spent waiting
        self._writers: frozenset[str] = frozenset()
        self.settled = 0  # all rows up to this number are there or never will be
        self.is_known = False  # whether that was found out yet

    def advance(self, tx: Tx) -> int:
        """See how far it can be read by now: the number of the last row, 0 for none."""
        if self._writers:
            self._writers &= tx.dialect.writers(tx.connection, self._table)
            if self._writers:
                return self.settled
            self._settle()
        number = self._table.c.id
        newest = tx.connection.scalar(select(number).order_by(number.desc()).limit(1))
        self.newest = int(newest or 0)
        self._writers = tx.dialect.writers(tx.connection, self._table)
        if not self._writers:
            self._settle()
        return self.settled

    def _settle(self) -> None:
        self.settled, self.is_known = self.newest, True

    @property
    def is_waiting(self) -> bool:
        """Whether there were transactions at the last look that may still bring earlier rows."""
        return bool(self._writers)


def of_transitions() -> Tail:
    return Tail(tables.transition)


def of_audit() -> Tail:
    return Tail(tables.audit)


def of_tracking() -> Tail:
    return Tail(tables.tracking_log)
