"""What an onlooker reads of a store in memory after each commit, without a transaction of its own.

Only for a SQLite store in memory, whose one connection is everybody's. It asks the driver at once:
a statement of SQLAlchemy's costs five times as much, and an onlooker looks after every commit.
"""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from store.copies import raw
from store.engine import Store


class Change(NamedTuple):
    """A transition row, as far as it tells what became of a message."""

    id: int
    message_id: int
    delivery_id: int
    at: float
    event: str
    from_status: str
    to_status: str
    attempt: int
    worker_id: int | None
    source_ip: str | None


class Part(NamedTuple):
    """A part as it stands."""

    id: int
    delivery_id: int
    mx_group: str
    source_ips: str
    size: int
    state: str
    epoch: int
    worker_id: int | None
    source_ip: str | None
    lane: str | None
    leased_until: float | None


class Delivery(NamedTuple):
    """A delivery as it stands."""

    id: int
    status: str
    affinity: str
    priority: int
    contact_at: float
    expires_at: float
    open_until: float | None


class Message(NamedTuple):
    """A message as it stands."""

    id: int
    delivery_id: int
    domain: str
    mx_group: str
    status: str
    attempts: int
    part_id: int | None
    next_attempt_at: float | None


class Worker(NamedTuple):
    """A worker as it stands."""

    id: int
    pid: int
    state: str
    heartbeat_at: float


def _select(kind: type, table: str) -> str:
    return f"SELECT {', '.join(kind._fields)} FROM {table}"  # type: ignore[attr-defined] # noqa: S608


_CHANGES: Final = _select(Change, "transition") + " WHERE id > ? ORDER BY id"
_PARTS: Final = _select(Part, "part") + " ORDER BY id"
_DELIVERIES: Final = _select(Delivery, "delivery") + " ORDER BY id"
_MESSAGES: Final = _select(Message, "message")
_WORKERS: Final = _select(Worker, "worker") + " ORDER BY id"


class Observer:
    """Looks at one store."""

    def __init__(self, store: Store) -> None:
        self._driver: Any = raw(store)

    def changes(self, after_id: int) -> list[Change]:
        """Transitions since that one."""
        return [Change._make(row) for row in self._driver.execute(_CHANGES, (after_id,))]

    def parts(self) -> list[Part]:
        return [Part._make(row) for row in self._driver.execute(_PARTS)]

    def deliveries(self) -> list[Delivery]:
        return [Delivery._make(row) for row in self._driver.execute(_DELIVERIES)]

    def workers(self) -> list[Worker]:
        return [Worker._make(row) for row in self._driver.execute(_WORKERS)]

    def pending_in(self, part_ids: Collection[int]) -> list[Message]:
        """The pending messages of parts."""
        where = f" WHERE status = 'pending' AND part_id IN ({','.join('?' * len(part_ids))})"
        return self._messages(where + " ORDER BY id", tuple(part_ids))

    def messages(self, ids: Collection[int] | None = None) -> list[Message]:
        """These messages, or all."""
        if ids is None:
            return self._messages(" ORDER BY id", ())
        where = f" WHERE id IN ({','.join('?' * len(ids))}) ORDER BY id"
        return self._messages(where, tuple(ids))

    def late(self, now: float) -> list[Message]:
        """Pending messages of confirmed deliveries whose validity passed before ``now``."""
        where = (
            " WHERE status = 'pending' AND delivery_id IN (SELECT id FROM delivery WHERE"
            " expires_at < ? AND status NOT IN ('editing', 'ready', 'failed')) ORDER BY id"
        )
        return self._messages(where, (now,))

    def _messages(self, where: str, given: tuple[Any, ...]) -> list[Message]:
        return [Message._make(row) for row in self._driver.execute(_MESSAGES + where, given)]
