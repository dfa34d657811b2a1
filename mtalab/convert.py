"""From the rows of the rooms to the dataclasses that are handed out."""

from pathlib import Path
from typing import get_args

from monitor import reconcile
from mtalab import results
from sinks import inbox
from store import deliveries, log


def delivery(row: deliveries.Delivery) -> results.Delivery:
    return results.Delivery(
        id=row.id,
        label=row.label,
        status=row.status.value,
        affinity=row.affinity,
        priority=row.priority,
        submitted_at=row.submitted_at,
        contact_at=row.contact_at,
        expires_at=row.expires_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        open_until=row.open_until,
        messages=row.messages,
        counts={name: row.counts.get(name, 0) for name in get_args(results.MessageStatus)},
    )


def message(row: log.Message) -> results.Message:
    return results.Message(
        id=row.id,
        delivery=row.delivery_id,
        address=row.address,
        mx_group=row.mx_group,
        status=row.status.value,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        reason=None if row.reason is None else row.reason.label,
        failure=row.failure,
        source_ip=row.source_ip,
        reply=row.reply,
        changed_at=row.changed_at,
    )


def transition(row: log.Transition) -> results.Transition:
    return results.Transition(
        at=row.at,
        event=row.event,
        from_status=row.from_status.value,
        to_status=row.to_status.value,
        attempt=row.attempt,
        reason=None if row.reason is None else row.reason.label,
        failure=row.failure,
        worker=None if row.mta is None else f"{row.mta}-{row.worker_id}",
        source_ip=row.source_ip,
        code=row.code,
        enhanced=row.enhanced,
        text=row.text,
        duration_ms=row.duration_ms,
        next_attempt_at=row.next_attempt_at,
    )


def received(directory: Path, entry: inbox.InboxEntry) -> results.Received:
    """With its content, which is read here; raises SinkFilesUnusable."""
    receipt = entry.receipt
    return results.Received(
        id=receipt.id,
        time=receipt.time,
        sink=receipt.sink,
        peer_ip=receipt.peer_ip,
        ehlo=receipt.ehlo,
        tls=receipt.tls,
        mail_from=receipt.mail_from,
        rcpt_to=receipt.rcpt_to,
        message_id=receipt.message_id,
        sender=entry.sender,
        subject=entry.subject,
        source=inbox.content(directory, receipt),
    )


def reconciliation(
    found: reconcile.Reconciliation, duplicates_allowed: int
) -> results.Reconciliation:
    return results.Reconciliation(
        ok=found.is_ok(duplicates_allowed),
        receipts=found.receipts,
        messages=found.messages,
        sent=found.sent,
        foreign=found.foreign,
        lost=_disagreement(found.lost),
        unmarked=_disagreement(found.unmarked),
        in_doubt=_disagreement(found.in_doubt),
        duplicated=_disagreement(found.duplicated),
        wrong_ip=_disagreement(found.wrong_ip),
    )


def _disagreement(found: reconcile.Disagreement) -> results.Disagreement:
    return results.Disagreement(found.count, tuple(found.samples))
