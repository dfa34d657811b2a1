"""Daily quotas of source IPs and of affinities: a lease is the grant.

What is lent is spent from that day's quota at once, and what comes back unsent from a worker that
lives is given back to it. So what was spent is never less than what was sent, whatever crashes. A
part that is still lent when a day begins is counted on that day too, until it is closed and, for
what was answered of it, after that: nobody knows on which of the two days its messages left.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, func, select, tuple_

from affinity.warmup import DAY_S, Account, account_of, affinity_of, day_of
from mail.states import MessageStatus
from store import parts, tables
from store.engine import Tx

_CHUNK: Final = 900
_KEPT_DAYS: Final = 7  # of figures of days that are over


class Share(NamedTuple):
    """Whose quota it is, of which day, and how large."""

    account: Account
    day: int
    quota: int


class Wanted(NamedTuple):
    """A part that is to be lent, or ``messages`` of it, within all these quotas; of one day."""

    part_id: int
    messages: int
    shares: Sequence[Share]


def spent(tx: Tx, day: int) -> dict[Account, int]:
    """What of each quota of a day is not there any more."""
    quota = tables.quota
    found = Counter(_carried(tx, day))
    query = select(quota.c.source_ip, quota.c.mx_group, quota.c.used).where(quota.c.day == day)
    for row in tx.connection.execute(query):
        found[row.source_ip, row.mx_group] += row.used
    return dict(found)


def _carried(tx: Tx, day: int) -> dict[Account, int]:
    """Messages that were lent on an earlier day and are in a worker's hand."""
    part, delivery = tables.part, tables.delivery
    by_ip = (
        select(part.c.source_ip, part.c.mx_group, func.sum(part.c.size).label("messages"))
        .where(part.c.state == parts.LEASED, part.c.quota_day < day)
        .group_by(part.c.source_ip, part.c.mx_group)
    )
    found = {
        (row.source_ip, row.mx_group): int(row.messages) for row in tx.connection.execute(by_ip)
    }
    by_affinity = (
        select(delivery.c.affinity, func.sum(part.c.size).label("messages"))
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .where(part.c.state == parts.LEASED, part.c.affinity_quota_day < day)
        .group_by(delivery.c.affinity)
    )
    for row in tx.connection.execute(by_affinity):
        found[account_of(row.affinity)] = int(row.messages)
    return found


def reserve(tx: Tx, wanted: Sequence[Wanted]) -> list[int | None]:
    """Spend what is about to be lent: for each part, in order, the part to lend instead.

    That is the same part, or a new one with as many of its messages as all its quotas have room
    for, or None if one has none. The rows are locked until commit, so that nobody gives back or
    carries over what is reckoned with here.
    """
    shares = {share.account: share for each in wanted for share in each.shares}
    if not shares:
        return []
    quota, day = tables.quota, next(iter(shares.values())).day
    _begin_day(tx, list(shares), day)
    query = (
        select(quota)
        .where(quota.c.day == day, tuple_(quota.c.source_ip, quota.c.mx_group).in_(list(shares)))
        .order_by(quota.c.source_ip, quota.c.mx_group)
        .with_for_update()
    )
    used = {(row.source_ip, row.mx_group): row.used for row in tx.connection.execute(query)}
    carried = _carried(tx, day)
    room = {key: share.quota - used[key] - carried.get(key, 0) for key, share in shares.items()}
    taken: Counter[tuple[str, str, int]] = Counter()
    chosen: list[int | None] = []
    for each in wanted:
        accounts = [share.account for share in each.shares]
        most = min([each.messages, *(room[key] for key in accounts)])
        part_id_to_lend, messages = _portion(tx, each.part_id, most)
        for key in accounts:
            room[key] -= messages
            taken[*key, day] += messages
        chosen.append(part_id_to_lend)
    _add(tx, taken)
    return chosen


def _begin_day(tx: Tx, ways: Sequence[Account], day: int) -> None:
    """Make the rows of a day. Where no plan held yesterday, what went today counts already."""
    quota = tables.quota
    mine = tuple_(quota.c.source_ip, quota.c.mx_group).in_(ways)
    query = select(quota.c.source_ip, quota.c.mx_group).where(mine, quota.c.day >= day - 1)
    known = {(row.source_ip, row.mx_group) for row in tx.connection.execute(query.distinct())}
    before = Counter[Account]()
    new = [way for way in ways if way not in known]
    if new:
        before.update(_attempts(tx, new, day))
        before.update(_uncounted(tx, new))
        tx.connection.execute(quota.delete().where(quota.c.day < day - _KEPT_DAYS))
    rows = [
        {"source_ip": ip, "mx_group": group, "day": day, "used": before[ip, group]}
        for ip, group in ways
    ]
    tx.dialect.put_missing(tx.connection, quota, rows)


def _attempts(tx: Tx, ways: Sequence[Account], day: int) -> dict[Account, int]:
    """What was tried on a day so far."""
    table, minutes = tables.rollup_minute, DAY_S // 60
    query = (
        select(
            table.c.source_ip,
            table.c.mx_group,
            func.sum(table.c.sent + table.c.deferred + table.c.failed).label("attempts"),
        )
        .where(
            table.c.minute >= day * minutes,
            table.c.minute < (day + 1) * minutes,
            tuple_(table.c.source_ip, table.c.mx_group).in_(ways),
        )
        .group_by(table.c.source_ip, table.c.mx_group)
    )
    return {
        (row.source_ip, row.mx_group): int(row.attempts) for row in tx.connection.execute(query)
    }


def _uncounted(tx: Tx, ways: Sequence[Account]) -> dict[Account, int]:
    """What is in hand that these quotas were not asked for."""
    part, delivery = tables.part, tables.delivery
    affinities = [name for name in map(affinity_of, ways) if name is not None]
    of_affinities = (
        select(delivery.c.affinity, func.sum(part.c.size).label("messages"))
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .where(
            part.c.state == parts.LEASED,
            part.c.affinity_quota_day.is_(None),
            delivery.c.affinity.in_(affinities),
        )
        .group_by(delivery.c.affinity)
    )
    found = {
        account_of(row.affinity): int(row.messages) for row in tx.connection.execute(of_affinities)
    }
    query = (
        select(part.c.source_ip, part.c.mx_group, func.sum(part.c.size).label("messages"))
        .where(
            part.c.state == parts.LEASED,
            part.c.quota_day.is_(None),
            tuple_(part.c.source_ip, part.c.mx_group).in_(ways),
        )
        .group_by(part.c.source_ip, part.c.mx_group)
    )
    for row in tx.connection.execute(query):
        found[row.source_ip, row.mx_group] = int(row.messages)
    return found


def _portion(tx: Tx, part_id: int, most: int) -> tuple[int | None, int]:
    """A queued part, or a new one with the first of its messages; and how many those are."""
    part, message = tables.part, tables.message
    found = tx.connection.execute(
        select(part).where(part.c.id == part_id, part.c.state == parts.QUEUED).with_for_update()
    ).one_or_none()
    if found is None or most <= 0:
        return None, 0
    if found.size <= most:
        return part_id, found.size
    first = (
        select(message.c.id)
        .where(message.c.part_id == part_id, message.c.status == MessageStatus.PENDING)
        .order_by(message.c.id)
        .limit(most)
    )
    ids = list(tx.connection.execute(first).scalars())
    ips = parts.split_ips(found.source_ips)
    made = parts.Made(found.delivery_id, found.mx_group, ips, len(ids), found.wave)
    [new_id] = parts.insert(tx, [made])
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        tx.connection.execute(
            message.update().where(message.c.id.in_(chunk)).values(part_id=new_id)
        )
    tx.connection.execute(
        part.update().where(part.c.id == part_id).values(size=part.c.size - len(ids))
    )
    return new_id, len(ids)


def settle(
    tx: Tx, part_ids: Iterable[int], left: Mapping[int, int], at: float, *, is_known: bool
) -> None:
    """Reckon with parts that are about to be closed or queued again.

    Args:
        tx: the transaction that does so.
        part_ids: those parts, at most some hundred.
        left: how many messages of each have no answer.
        at: now.
        is_known: whether their worker says so; otherwise all of them may have been sent.
    """
    part, delivery = tables.part, tables.delivery
    query = (
        select(part, delivery.c.affinity)
        .join(delivery, delivery.c.id == part.c.delivery_id)
        .where(
            part.c.id.in_(list(part_ids)),
            part.c.quota_day.is_not(None) | part.c.affinity_quota_day.is_not(None),
        )
    )
    changes: Counter[tuple[str, str, int]] = Counter()
    today = day_of(at)
    for row in tx.connection.execute(query):
        unsent = left.get(row.id, 0) if is_known else 0
        for account, day in _charged(row):
            changes[*account, day] -= unsent
            if today > day:
                changes[*account, today] += row.size - unsent
    _add(tx, changes)


def _charged(row: Row[Any]) -> Iterator[tuple[Account, int]]:
    """The quotas that a part was lent within, and of which day."""
    if row.quota_day is not None:
        yield (row.source_ip, row.mx_group), row.quota_day
    if row.affinity_quota_day is not None:
        yield account_of(row.affinity), row.affinity_quota_day


def _add(tx: Tx, changes: Mapping[tuple[str, str, int], int]) -> None:
    rows: list[dict[str, Any]] = [
        {"source_ip": ip, "mx_group": group, "day": day, "used": messages}
        for (ip, group, day), messages in changes.items()
        if messages
    ]
    tx.dialect.add_up(tx.connection, tables.quota, rows, ["used"])
