"""What holds of every store after every transaction, asked of the rows themselves."""

from collections import Counter, defaultdict

from sqlalchemy import select

from mail.states import MESSAGE_NEXT, DeliveryStatus, MessageEvent, MessageStatus
from store import ages, tables
from store.engine import Store, Tx

ATTEMPTS = (MessageEvent.ACCEPTED, MessageEvent.DEFERRED, MessageEvent.REFUSED)
UNCOUNTED = (DeliveryStatus.EDITING, DeliveryStatus.FAILED)  # not confirmed: in no roll-up


def check(store: Store) -> None:
    """Fail unless the rows agree with each other and with the state machines."""
    store.read_now(_check)


def _check(tx: Tx) -> None:
    def rows(table):
        return tx.connection.execute(select(table).order_by(*table.primary_key)).all()

    deliveries = {row.id: row for row in rows(tables.delivery)}
    messages = rows(tables.message)
    parts = {row.id: row for row in rows(tables.part)}
    transitions = rows(tables.transition)
    _status_rollups_equal_rows(deliveries, messages, rows(tables.rollup_status))
    _minute_rollups_equal_rows(transitions, rows(tables.rollup_minute))
    _domain_rollups_equal_rows(deliveries, messages, rows(tables.rollup_domain))
    _pending_domains_equal_rows(tx, deliveries, messages)
    _path_rollups_equal_rows(transitions, rows(tables.rollup_path))
    _smtp_errors_equal_rows(messages, transitions, rows(tables.rollup_smtp_error))
    _transitions_chain(messages, transitions)
    _nothing_is_lost(messages, parts)
    _queued_parts_know_their_size(deliveries, messages, parts, transitions)


def _status_rollups_equal_rows(deliveries, messages, rollups) -> None:
    counted = Counter(
        (row.delivery_id, row.status, 0 if row.status == "pending" else row.reason or 0)
        for row in messages
        if deliveries[row.delivery_id].status not in UNCOUNTED
    )
    stored = {(row.delivery_id, row.status, row.reason): row.messages for row in rollups}
    assert {key: count for key, count in stored.items() if count} == dict(counted)


def _minute_rollups_equal_rows(transitions, rollups) -> None:
    """The MX group is left out: a message's may change, and transitions do not repeat it."""
    counted = defaultdict(Counter)
    for row in transitions:
        if row.worker_id is not None:
            sums = counted[int(row.at // 60), row.mta, row.worker_id, row.source_ip]
            sums[row.to_status] += 1
            sums["bytes"] += row.size_bytes if row.to_status == MessageStatus.SENT else 0
    stored = defaultdict(Counter)
    for row in rollups:
        sums = stored[row.minute, row.mta, row.worker_id, row.source_ip]
        sums.update(sent=row.sent, pending=row.deferred, failed=row.failed, bytes=row.bytes)
    assert stored == counted


def _domain_rollups_equal_rows(deliveries, messages, rollups) -> None:
    counted = Counter(
        (row.delivery_id, row.domain, row.status, row.reason or 0)
        for row in messages
        if deliveries[row.delivery_id].status not in UNCOUNTED and row.status != "pending"
    )
    stored = {
        (row.delivery_id, row.domain, row.status, row.reason): row.messages for row in rollups
    }
    assert {key: count for key, count in stored.items() if count} == dict(counted)


def _pending_domains_equal_rows(tx, deliveries, messages) -> None:
    """What is pending by domain is told by counters."""
    counted = Counter(
        (row.delivery_id, row.domain)
        for row in messages
        if row.status == MessageStatus.PENDING
        and deliveries[row.delivery_id].status in ages.WAITING
        and deliveries[row.delivery_id].open_until is None
    )
    found = {(each.delivery_id, each.domain): each.messages for each in ages.by_domain(tx)}
    assert found == dict(counted)


def _path_rollups_equal_rows(transitions, rollups) -> None:
    counted, stored = defaultdict(Counter), defaultdict(Counter)
    for row in transitions:
        if row.worker_id is not None:
            sums = counted[int(row.at // 300), row.delivery_id, row.source_ip]
            sums[row.to_status] += 1
            sums["bytes"] += row.size_bytes if row.to_status == MessageStatus.SENT else 0
    for row in rollups:
        sums = stored[row.slot, row.delivery_id, row.source_ip]
        sums.update(sent=row.sent, pending=row.deferred, failed=row.failed, bytes=row.bytes)
    assert stored == counted


def _smtp_errors_equal_rows(messages, transitions, rollups) -> None:
    domains = {row.id: row.domain for row in messages}
    counted = Counter(
        (int(row.at // 300), domains[row.message_id], row.event.startswith("expired"))
        for row in transitions
        if row.event in ("deferred", "refused") or row.event.startswith("expired")
    )
    stored = Counter()
    for row in rollups:
        stored[row.slot, row.domain, row.kind == "expired"] += row.errors
    assert stored == counted


def _transitions_chain(messages, transitions) -> None:
    chains = defaultdict(list)
    for row in transitions:
        chains[row.message_id].append(row)
    assert set(chains) <= {row.id for row in messages}
    for message in messages:
        status, attempts = MessageStatus.PENDING, 0
        for row in chains[message.id]:
            assert row.delivery_id == message.delivery_id
            assert row.from_status == status, f"a gap in the chain of message {message.id}"
            status = MESSAGE_NEXT[status, MessageEvent(row.event)]
            assert row.to_status == status
            if row.event in ATTEMPTS:
                attempts += 1
            assert row.attempt == attempts
        assert message.status == status
        assert message.attempts == attempts


def _nothing_is_lost(messages, parts) -> None:
    for row in messages:
        if row.status != MessageStatus.PENDING:
            assert row.part_id is None, f"message {row.id} is {row.status} and in a part"
            assert row.next_attempt_at is None
        elif row.part_id is None:
            assert row.next_attempt_at is not None, f"message {row.id} waits for nothing"
        else:
            assert row.next_attempt_at is None, f"message {row.id} is in a part and waits too"
            assert parts[row.part_id].delivery_id == row.delivery_id
            assert parts[row.part_id].mx_group == row.mx_group or _is_lent(parts[row.part_id])


def _is_lent(part) -> bool:
    return part.state == "leased"


def _queued_parts_know_their_size(deliveries, messages, parts, transitions) -> None:
    held = Counter(row.part_id for row in messages if row.part_id is not None)
    # What expires does so a few messages at a time: those parts are never lent again.
    expired = {row.delivery_id for row in transitions if row.event.startswith("expired")}
    for part in parts.values():
        if not _is_lent(part) and part.delivery_id not in expired:
            assert part.size == held[part.id] > 0
