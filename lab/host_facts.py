"""What can be seen of this machine beside the store, for whoever asks why mail is pending.

A store that cannot be written cannot tell so: whoever would say that it lives is as silent as if it
were dead. So the processes themselves are looked at, and the journals of those that do not report.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from lab.lifetime import THIS_MACHINE
from monitor.why.facts import LOST_AFTER_S
from monitor.why.host import HostFacts, KnownOutcomes
from mta import journal
from store import inspection, modules
from store.engine import Store
from store.errors import StoreUnavailable

PATIENCE_S: Final = 1.0  # for others' locks; who held one for as long as heartbeats lack has it yet


class Watching(Protocol):
    """What is asked of the machine; ``lab.machine.Machine`` answers it, and ``lab.lifetime``."""

    def is_running(self, host: str, pid: int, /) -> bool | None: ...

    def is_stopped(self, pid: int, /) -> bool: ...


def host_facts(
    store: Store,
    now: float,
    machine: Watching = THIS_MACHINE,
    store_trouble: Callable[[Store], str | None] | None = None,
) -> HostFacts:
    """Look at processes, at the journals of silent workers, and whether the store can be written.

    Where every heartbeat is fresh nothing is looked at but the database server's clock.
    ``store_trouble`` tells why the store cannot be written, where trying it would tell nothing.
    """
    workers = store.read_now(modules.live_workers)
    silent = [each for each in workers if now - each.heartbeat_at > LOST_AFTER_S]
    late = list(_late(store, workers, now))
    stopped = frozenset(name for name, _, pid in late if machine.is_stopped(pid))
    running = frozenset(name for name, host, pid in late if machine.is_running(host, pid)) - stopped
    server = store.read_now(inspection.times).server
    return HostFacts(
        store_trouble=(store_trouble or _trouble)(store) if running else None,
        running=running,
        stopped=stopped,
        journals={
            each.id: found for each in silent if (found := _known(each, machine)) is not None
        },
        clock_ahead_s=0.0 if server is None else now - server,
    )


def _late(
    store: Store, workers: list[modules.Worker], now: float
) -> Iterator[tuple[str, str, int]]:
    """Those who have not been heard for long: name, host and process number."""
    beats: list[tuple[str, modules.Module | modules.Instance | modules.Worker]] = [
        (each.name, each) for each in store.read_now(modules.modules) if each.stopped_at is None
    ]
    beats += [
        (f"mta@{each.name}", each)
        for each in store.read_now(modules.instances)
        if each.stopped_at is None
    ]
    beats += [(f"mta@{each.instance}-{each.id}", each) for each in workers]
    for name, each in beats:
        if now - each.heartbeat_at > LOST_AFTER_S:
            yield name, each.host, each.pid


def _trouble(store: Store) -> str | None:
    try:
        inspection.try_writing(store, PATIENCE_S)
    except StoreUnavailable as error:
        return error.what
    return None


def _journals(
    silent: list[modules.Worker], machine: Watching
) -> Iterator[tuple[int, KnownOutcomes]]:
    for worker in silent:
        found = _known(worker, machine)
        if found is not None:
            yield worker.id, found


def _known(worker: modules.Worker, machine: Watching) -> KnownOutcomes | None:
    if machine.is_running(worker.host, worker.pid) is None:
        return None  # its journal is another machine's
    try:
        outcomes, _ = journal.read(Path(worker.journal))
    except OSError:  # the audit tells of it when the worker is buried
        return None
    if not outcomes:
        return None
    return KnownOutcomes(worker.journal, tuple(each.message_id for each in outcomes))
