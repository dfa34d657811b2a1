"""Receipts and store brought together: what ``reconcile`` and the demo ask the monitor."""

import functools
from collections.abc import Collection

from lab.configuration import Loaded
from monitor.reconcile import Reconciliation, Seen, reconcile
from sinks.outgoing import read_ended
from sinks.receipts import read_receipts
from store import deliveries
from store.engine import Store
from store.errors import UnknownDelivery


def reconciled(store: Store, loaded: Loaded) -> Reconciliation:
    """All receipts of the lab's sinks against all messages of its store."""

    @functools.cache
    def allowed(delivery_id: int) -> Collection[str] | None:
        try:
            name = store.read_now(deliveries.get, delivery_id).affinity
        except UnknownDelivery:
            return None
        affinity = loaded.configuration.affinity.get(name)
        return None if affinity is None else {ip.address for ip in affinity.ip}

    receipts = (
        Seen(each.message_id, each.mail_from, each.peer_ip)
        for each in read_receipts(loaded.directory)
    )
    returned = (each.digest for each in read_ended(loaded.directory) if each.is_delivered)
    return reconcile(store, receipts, allowed, returned)
