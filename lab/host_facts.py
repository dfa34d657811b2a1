"""What can be seen of this machine beside the store, for whoever asks why mail is pending.

A store that cannot be written cannot tell so: whoever would say that it lives is as silent as if it
were dead. So the processes themselves are looked at, and the journals of those that do not report.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from lab.lifetime import THIS_MACHINE
from mail.notation import said_duration
from monitor.why.facts import LOST_AFTER_S
from monitor.why.host import HostFacts, KnownOutcomes
from mta import journal
from store import inspection, modules
from store.engine import Store, file_of
from store.errors import StoreUnavailable

PATIENCE_S: Final = 1.0  # for others' locks; who held one for as long as heartbeats lack has it yet
ROOM_BYTES: Final = 256 * 1024  # a database with less room on its disk cannot commit

_Beating = modules.Module | modules.Instance | modules.Worker


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
    beats = _beats(store, workers)
    late = {name: each for name, each in beats.items() if now - each.heartbeat_at > LOST_AFTER_S}
    stopped = frozenset(name for name, each in late.items() if machine.is_stopped(each.pid))
    running = frozenset(
        name for name, each in late.items() if machine.is_running(each.host, each.pid)
    )
    running -= stopped
    trouble = (store_trouble or _trouble)(store) if running else None
    if running and trouble is None and len(late) == len(beats):
        newest = max(each.heartbeat_at for each in late.values())
        trouble = (
            f"{', '.join(sorted(running))} run, and nothing of them has reached it for "
            f"{said_duration(now - newest)}; their logs say why"
        )
    server = store.read_now(inspection.times).server
    return HostFacts(
        store_trouble=trouble,
        running=running,
        stopped=stopped,
        journals={
            each.id: found for each in silent if (found := _known(each, machine)) is not None
        },
        clock_ahead_s=0.0 if server is None else now - server,
    )


def _beats(store: Store, workers: Sequence[modules.Worker]) -> dict[str, _Beating]:
    """All that have announced themselves and did not say that they end, by name."""
    every: dict[str, _Beating] = {
        each.name: each for each in store.read_now(modules.modules) if each.stopped_at is None
    }
    for instance in store.read_now(modules.instances):
        if instance.stopped_at is None:
            every[f"mta@{instance.name}"] = instance
    for worker in workers:
        every[f"mta@{worker.instance}-{worker.id}"] = worker
    return every


def _trouble(store: Store) -> str | None:
    file = file_of(store.url)
    if file is not None and shutil.disk_usage(file.parent).free < ROOM_BYTES:
        return f"no space is left on the disk of {file}"
    try:
        inspection.try_writing(store, PATIENCE_S)
    except StoreUnavailable as error:
        return error.what
    return None


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
