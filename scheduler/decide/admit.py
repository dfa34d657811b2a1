"""Which deliveries may start while no more than so many are to be in progress at once.

What has started goes on: its retries and later waves are not asked again, or a retry that is due
would wait behind all that began meanwhile. So the limit is on starting. Of those that could start
the oldest contact date goes first, then the higher priority; whoever has no way to go now (no
worker, no source IP, a lane suspended or its budget spent) is passed over and takes nobody's place.
"""

from collections.abc import Callable, Iterable, Sequence

from scheduler.decide.snapshot import QueuedPart


def admit(
    parts: Sequence[QueuedPart],
    running: Iterable[int],
    limit: int,
    can_go: Callable[[QueuedPart], bool],
) -> tuple[QueuedPart, ...]:
    """The parts that may be handed out in this round, in their order.

    Args:
        parts: the queue, of all deliveries.
        running: deliveries in progress that have messages to hand out or in hand.
        limit: so many of them at most.
        can_go: whether anything stands in the way of a part beside its turn.
    """
    count = len({*running, *(each.delivery_id for each in parts if each.is_started)})
    new: dict[int, list[QueuedPart]] = {}
    for each in parts:
        if not each.is_started:
            new.setdefault(each.delivery_id, []).append(each)
    starting: set[int] = set()
    for delivery_id in sorted(new, key=lambda one: _place(new[one][0])):
        if count + len(starting) >= limit:
            break
        if any(can_go(each) for each in new[delivery_id]):
            starting.add(delivery_id)
    return tuple(each for each in parts if each.is_started or each.delivery_id in starting)


def _place(part: QueuedPart) -> tuple[float, int, int]:
    return (part.contact_at, -part.priority, part.delivery_id)
