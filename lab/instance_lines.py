"""Instances as an operator sees them."""

from collections import Counter
from dataclasses import dataclass

from affinity.expected import nearest
from lab.configuration import Loaded
from mail.errors import UserError, Where
from monitor.status import LOST_AFTER_S
from store import halts, modules, queues
from store.engine import Store


class UnknownInstance(UserError):
    """The configuration has no instance of that name."""


def instance_of(loaded: Loaded, name: str) -> str:
    """The name, if the configuration has such an instance.

    Raises:
        UnknownInstance: it has none.
    """
    known = loaded.configuration.mta
    if name not in known:
        raise UnknownInstance(
            f"there is no MTA instance {name!r}{nearest(name, known)}",
            where=Where(loaded.path.name, "mta"),
            remedy=f"Configured are: {', '.join(known) or 'none'}.",
        )
    return name


@dataclass(frozen=True, slots=True)
class Line:
    """One instance as an operator sees it; times in epoch seconds."""

    name: str
    state: str  # running, stopped, stopped by hand, lost, not configured
    workers: int  # that live
    configured: int
    affinities: tuple[str, ...]
    in_hand: int  # messages
    halted_at: float | None
    halted_by: str | None


def known(loaded: Loaded, store: Store, name: str) -> None:
    """An instance of the configuration, or one of which the store knows from before."""
    try:
        instance_of(loaded, name)
    except UserError:
        if name not in store.read_now(halts.halts):
            raise


def live(store: Store, name: str, now: float) -> int:
    """Workers of the instance that live, or died so lately that nobody knows."""
    return sum(
        each.instance == name and now - each.heartbeat_at <= LOST_AFTER_S
        for each in store.read_now(modules.live_workers)
    )


def wanted(store: Store, loaded: Loaded, name: str, now: float) -> int:
    """How many workers will come: none where no process of the instance runs to start them."""
    mta = loaded.configuration.mta.get(name)
    runs = any(
        each.name == name and each.stopped_at is None and now - each.heartbeat_at <= LOST_AFTER_S
        for each in store.read_now(modules.instances)
    )
    return mta.workers if mta is not None and runs else 0


def lines(store: Store, loaded: Loaded, now: float) -> list[Line]:
    stopped = store.read_now(halts.halts)
    announced = {each.name: each for each in store.read_now(modules.instances)}
    workers = store.read_now(modules.live_workers)
    instance_of_worker = {each.id: each.instance for each in workers}
    in_hand: Counter[str] = Counter()
    for each in store.read_now(queues.in_hand):
        in_hand[instance_of_worker.get(each.worker_id, "")] += each.messages
    configured = loaded.configuration.mta
    found = []
    for name in [*configured, *sorted(stopped.keys() - configured.keys())]:
        halt, mta = stopped.get(name), configured.get(name)
        found.append(
            Line(
                name,
                _state(halt, announced.get(name), now, is_configured=mta is not None),
                live(store, name, now),
                0 if mta is None else mta.workers,
                () if mta is None else mta.affinities,
                in_hand[name],
                None if halt is None else halt.at,
                None if halt is None else halt.by,
            )
        )
    return found


def _state(
    halt: halts.Halt | None, announced: modules.Instance | None, now: float, *, is_configured: bool
) -> str:
    if not is_configured:
        return "not configured"
    if halt is not None:
        return "stopped by hand"
    if announced is None or announced.stopped_at is not None:
        return "stopped"
    return "running" if now - announced.heartbeat_at <= LOST_AFTER_S else "lost"
