"""Failed messages are retried and pending ones cancelled: many of them, some at a time."""

from collections.abc import Callable
from typing import Final, NamedTuple

from store import audit, log, operator
from store.engine import Store
from world.clock import Clock

CHUNK: Final = 2000  # messages of one transaction: workers and scheduler need not wait long
Told = Callable[[int], None]  # how many were changed so far


class Cancelled(NamedTuple):
    """How many messages were cancelled, and how many were left in workers' hands."""

    messages: int
    in_hand: int


def retry(
    store: Store,
    clock: Clock,
    wanted: log.Filter,
    validity_s: float,
    by: str = operator.OPERATOR,
    told: Told = lambda _: None,
) -> int:
    """Make failed messages pending again; returns how many. They are valid so long from now."""
    changed = _all_steps(
        lambda after: store.write_now(
            operator.retry, wanted, after, CHUNK, clock.now(), validity_s, by=by
        ),
        told,
    )
    _note(store, clock, wanted, f"{changed} messages retried by {by}" if changed else "")
    return changed


def cancel(
    store: Store,
    clock: Clock,
    wanted: log.Filter,
    by: str = operator.OPERATOR,
    told: Told = lambda _: None,
) -> Cancelled:
    """Cancel pending messages that nobody has in hand."""
    changed = _all_steps(
        lambda after: store.write_now(operator.withdraw, wanted, after, CHUNK, clock.now(), by),
        told,
    )
    in_hand = store.read_now(operator.held, wanted)
    _note(store, clock, wanted, f"{changed} messages cancelled by {by}" if changed else "")
    return Cancelled(changed, in_hand)


def _all_steps(step: Callable[[int], operator.Step], told: Told) -> int:
    """Take a long action to its end, chunk by chunk; returns how many messages it changed."""
    changed, after = 0, 0
    while True:
        found = step(after)
        changed += found.changed
        told(changed)
        if not found.last_id:
            return changed
        after = found.last_id


def _note(store: Store, clock: Clock, wanted: log.Filter, what: str) -> None:
    if not what:
        return
    delivery = wanted.delivery_id
    if delivery is None and wanted.message_id is not None:
        delivery = store.read_now(log.message, wanted.message_id)[0].delivery_id
    which = [
        f"{name} {value}"
        for name, value in (
            ("message", wanted.message_id),
            ("domain", wanted.domain),
            ("reason", None if wanted.reason is None else wanted.reason.label),
        )
        if value is not None
    ]
    text = what + (f" ({', '.join(which)})" if which else "")
    store.write_now(audit.note, clock.now(), text, delivery_id=delivery)
