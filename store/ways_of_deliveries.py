"""By which source IPs and to which MX groups deliveries went lately: from counters. Read only."""

from dataclasses import dataclass

from sqlalchemy import func, select

from store import tables
from store.engine import Tx
from store.rollups import slot_of


@dataclass(frozen=True, slots=True)
class WayOfDelivery:
    """Attempts of one delivery by a source IP to an MX group; a label of what is over too."""

    delivery_id: int
    source_ip: str
    mx_group: str
    attempts: int


def lately(tx: Tx, since: float) -> list[WayOfDelivery]:
    """Of all deliveries that tried since a time (whole slots of five minutes)."""
    table = tables.rollup_path
    columns = (table.c.delivery_id, table.c.source_ip, table.c.mx_group)
    attempts = func.sum(table.c.sent + table.c.deferred + table.c.failed)
    query = (
        select(*columns, attempts.label("attempts"))
        .where(table.c.slot >= slot_of(since))
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        WayOfDelivery(row.delivery_id, row.source_ip, row.mx_group, int(row.attempts))
        for row in tx.connection.execute(query)
        if row.attempts
    ]
