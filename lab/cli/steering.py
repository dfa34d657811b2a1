"""What the commands that steer deliveries share: their filters, and telling what came of it."""

from collections.abc import Callable
from typing import Annotated

import typer

from lab.cli.completion import delivery_ids
from lab.cli.log import BadFilter, reason_named
from lab.cli.output import print_json, progress_bar
from mail.errors import Where
from mail.states import DeliveryEvent
from store import audit, deliveries, log, operator
from store.engine import Store
from world.clock import Clock

CHUNK = 2000  # messages of one transaction: workers and scheduler need not wait long

Delivery = Annotated[
    int, typer.Argument(metavar="ID", help="Number of the delivery.", autocompletion=delivery_ids)
]
SomeDelivery = Annotated[
    int | None,
    typer.Argument(
        metavar="[ID]",
        help="Number of the delivery.",
        show_default=False,
        autocompletion=delivery_ids,
    ),
]
MessageOption = Annotated[int | None, typer.Option("--message", "-m", help="This message alone.")]
DomainOption = Annotated[str | None, typer.Option(help="Recipient domain, with * and ?.")]
ReasonOption = Annotated[str | None, typer.Option(help="Such as mailbox_full.")]


def steer(store: Store, clock: Clock, delivery: int, event: DeliveryEvent, *, json: bool) -> None:
    """Confirm, pause, resume or cancel a whole delivery and say what it is now."""
    status = store.write_now(operator.steer, delivery, event, clock.now())
    if json:
        print_json({"delivery": delivery, "status": status})
    else:
        print(f"delivery {delivery} is {status.replace('_', ' ')}")


def filter_of(
    store: Store, delivery: int | None, message: int | None, domain: str | None, reason: str | None
) -> log.Filter:
    """The messages that are meant.

    Raises:
        BadFilter: none of them was named.
        UnknownDelivery, UnknownMessage: there is none of that number.
    """
    if delivery is None and message is None:
        raise BadFilter(
            "neither a delivery nor a message is named",
            where=Where(key="ID"),
            remedy="Give the number of a delivery, or --message NUMBER.",
        )
    if delivery is not None:
        store.read_now(deliveries.get, delivery)
    if message is not None:
        store.read_now(log.message, message)
    return log.Filter(
        delivery_id=delivery,
        message_id=message,
        domain=domain,
        reason=None if reason is None else reason_named(reason),
    )


def all_steps(step: Callable[[int], operator.Step], what: str) -> int:
    """Take a long action to its end, chunk by chunk; returns how many messages it changed."""
    changed, after = 0, 0
    with progress_bar() as progress:
        task = progress.add_task(what, total=None)
        while True:
            found = step(after)
            changed += found.changed
            progress.update(task, completed=changed)
            if not found.last_id:
                return changed
            after = found.last_id


def note_action(store: Store, clock: Clock, wanted: log.Filter, changed: int, done: str) -> None:
    """Note in the audit what an operator did to some messages of a delivery."""
    if not changed:
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
    text = f"{changed} messages {done} by an operator" + (f" ({', '.join(which)})" if which else "")
    store.write_now(audit.note, clock.now(), text, delivery_id=delivery)
