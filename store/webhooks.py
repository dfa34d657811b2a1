"""How far each webhook has been told, its dead letters, and the tracking events that it is told."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, func, select

from mail.tracked import Kind
from store import tables
from store.engine import Tx

_CHUNK = 900  # below the number of variables that every SQLite build allows (999)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in both logs: all up to there is told."""

    transition_id: int
    tracking_id: int


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook as it stands; see ``WebhookRow``."""

    name: str
    salt: str
    transition_id: int
    tracking_id: int
    to_transition_id: int | None = None
    to_tracking_id: int | None = None
    attempts: int = 0
    next_at: float | None = None
    error: str | None = None
    posted: int = 0
    posted_at: float | None = None

    @property
    def told(self) -> Cursor:
        return Cursor(self.transition_id, self.tracking_id)

    @property
    def under_way(self) -> Cursor | None:
        """Where the request ends that was begun; None: there is none."""
        if self.to_transition_id is None or self.to_tracking_id is None:
            return None
        return Cursor(self.to_transition_id, self.to_tracking_id)

    def at(self, told: Cursor) -> "Webhook":
        """The same with all up to there told, and no request under way."""
        return replace(
            self,
            transition_id=told.transition_id,
            tracking_id=told.tracking_id,
            to_transition_id=None,
            to_tracking_id=None,
            attempts=0,
            next_at=None,
        )

    def begins(self, until: Cursor) -> "Webhook":
        """The same with a request under way that ends there."""
        return replace(self, to_transition_id=until.transition_id, to_tracking_id=until.tracking_id)


@dataclass(frozen=True, slots=True)
class Letter:
    """A request: its id, the same whenever it is tried, and its body, ready to be sent."""

    message: str
    body: str
    events: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A request that was not taken; ``id`` is for people and programs to name it by."""

    id: int
    webhook: str
    letter: Letter
    attempts: int
    error: str
    died_at: float
    asked_at: float | None


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """A row of the tracking log with what its message and its URL say."""

    id: int
    delivery_id: int
    message_id: int
    kind: Kind
    at: float
    address: str | None  # None: the message is gone
    url: str | None
    label: str | None
    agent: str
    ip: str
    machine: str | None
    page: str | None
    amount: float | None
    articles: int | None


def get(tx: Tx, name: str) -> Webhook | None:
    """One webhook, if it was ever begun."""
    table = tables.webhook
    row = tx.connection.execute(select(table).where(table.c.name == name)).one_or_none()
    return None if row is None else _webhook(row)


def every(tx: Tx) -> list[Webhook]:
    """All that were ever begun, by name."""
    table = tables.webhook
    return [_webhook(row) for row in tx.connection.execute(select(table).order_by(table.c.name))]


def begin(tx: Tx, name: str, salt: str, told: Cursor) -> Webhook:
    """The webhook as it stands, begun here if it is new."""
    new = Webhook(name, salt, told.transition_id, told.tracking_id)
    tx.dialect.put_missing(tx.connection, tables.webhook, [asdict(new)])
    found = get(tx, name)
    assert found is not None
    return found


def ends(tx: Tx) -> Cursor:
    """The newest row of each log."""
    newest = [
        tx.connection.scalar(select(table.c.id).order_by(table.c.id.desc()).limit(1))
        for table in (tables.transition, tables.tracking_log)
    ]
    return Cursor(*(int(each or 0) for each in newest))


def save(tx: Tx, webhook: Webhook) -> None:
    """Remember how it stands."""
    tx.dialect.put(tx.connection, tables.webhook, [asdict(webhook)])


def bury(tx: Tx, webhook: Webhook, letter: Letter, attempts: int, died_at: float) -> None:
    """Give a letter up, and remember how the webhook stands after it; both or neither."""
    tx.connection.execute(
        tables.webhook_dead.insert().values(
            webhook=webhook.name,
            **asdict(letter),
            attempts=attempts,
            error=webhook.error or "",
            died_at=died_at,
            asked_at=None,
        )
    )
    save(tx, webhook)


def dead(
    tx: Tx, name: str | None = None, *, asked: bool = False, limit: int | None = None
) -> list[DeadLetter]:
    """Dead letters, oldest first; of one webhook, or only those that are to be tried again."""
    table = tables.webhook_dead
    query = select(table).order_by(table.c.id).limit(limit)
    if name is not None:
        query = query.where(table.c.webhook == name)
    if asked:
        query = query.where(table.c.asked_at.is_not(None))
    return [_dead(row) for row in tx.connection.execute(query)]


def dead_counts(tx: Tx) -> dict[str, int]:
    """How many dead letters each webhook has; only those that have any."""
    table = tables.webhook_dead
    query = select(table.c.webhook, func.count().label("letters")).group_by(table.c.webhook)
    return {row.webhook: row.letters for row in tx.connection.execute(query)}


def ask_again(tx: Tx, now: float, name: str | None, ids: Collection[int] = ()) -> int:
    """Let dead letters be tried once more: these, or all of a webhook, or all. Returns how many."""
    table = tables.webhook_dead
    query = table.update().values(asked_at=now)
    if name is not None:
        query = query.where(table.c.webhook == name)
    if not ids:
        return int(tx.connection.execute(query).rowcount)
    given, asked = sorted(set(ids)), 0
    for start in range(0, len(given), _CHUNK):
        some = query.where(table.c.id.in_(given[start : start + _CHUNK]))
        asked += int(tx.connection.execute(some).rowcount)
    return asked


def taken_after_all(tx: Tx, number: int, webhook: Webhook) -> None:
    """A dead letter was delivered."""
    table = tables.webhook_dead
    tx.connection.execute(table.delete().where(table.c.id == number))
    save(tx, webhook)


def still_dead(tx: Tx, number: int, error: str) -> None:
    """A dead letter was tried once more in vain."""
    table = tables.webhook_dead
    tx.connection.execute(
        table.update()
        .where(table.c.id == number)
        .values(asked_at=None, attempts=table.c.attempts + 1, error=error)
    )


def forget(tx: Tx, name: str) -> bool:
    """Drop how far a webhook was told, and its dead letters; False: nothing was known of it."""
    letters, webhook = tables.webhook_dead, tables.webhook
    gone = tx.connection.execute(letters.delete().where(letters.c.webhook == name)).rowcount
    known = tx.connection.execute(webhook.delete().where(webhook.c.name == name)).rowcount
    return bool(gone or known)


def tracking_events(
    tx: Tx, kinds: Iterable[Kind], *, after_id: int, up_to_id: int, limit: int
) -> list[TrackingEvent]:
    """Rows of the tracking log in the order they were written."""
    table, message, url = tables.tracking_log, tables.message, tables.tracked_url
    query = (
        select(table, message.c.address, url.c.url.label("to_url"), url.c.label)
        .outerjoin(message, message.c.id == table.c.message_id)
        .outerjoin(url, and_(url.c.delivery_id == table.c.delivery_id, url.c.number == table.c.url))
        .where(
            table.c.id > after_id,
            table.c.id <= up_to_id,
            table.c.kind.in_([int(each) for each in kinds]),
        )
        .order_by(table.c.id)
        .limit(limit)
    )
    return [_tracking(row) for row in tx.connection.execute(query)]


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**row._asdict())


def _dead(row: Row[Any]) -> DeadLetter:
    letter = Letter(row.message, row.body, row.events)
    return DeadLetter(
        row.id, row.webhook, letter, row.attempts, row.error, row.died_at, row.asked_at
    )


def _tracking(row: Row[Any]) -> TrackingEvent:
    return TrackingEvent(
        row.id,
        row.delivery_id,
        row.message_id,
        Kind(row.kind),
        row.at,
        row.address,
        row.to_url,
        row.label,
        row.agent,
        row.ip,
        row.machine,
        row.page,
        row.amount,
        row.articles,
    )
