"""What the commands that steer deliveries share: their filters, and telling what came of it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from lab.cli.completion import delivery_ids
from lab.cli.log import BadFilter, reason_named
from lab.cli.output import print_json, progress_bar
from mail.errors import Where
from mail.states import DeliveryEvent
from store import deliveries, log, operator
from store.engine import Store
from world.clock import Clock

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


@contextlib.contextmanager
def progress_of(what: str) -> Iterator[Callable[[int], None]]:
    """A bar that is told how many messages were changed so far."""
    with progress_bar() as progress:
        task = progress.add_task(what, total=None)
        yield lambda changed: progress.update(task, completed=changed)
