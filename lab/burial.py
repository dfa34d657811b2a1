"""What is done for a worker process that is gone."""

from collections.abc import Callable
from pathlib import Path

from affinity.configuration import AddressRules
from lab.machine import Machine
from mta import journal as journals
from store import modules, settlement
from store.engine import Store
from store.transitions import Author

Worst = Callable[[str, float], float | None]


async def bury(
    store: Store, machine: Machine, worker: modules.Worker, worst: Worst, rules: AddressRules
) -> bool:
    """Clear up after a worker: end it, replay its journal, take back its parts, drop the journal.

    A journal that is damaged or cannot be read stays where it is, and the audit says so.

    Returns whether it was us who did it. A journal that lies on another host is not there to read:
    what it holds is then unknown to the store, and its messages are sent again.
    """
    # Silent is not dead: until it is ended it may still write to its journal and hold connections.
    is_here = await machine.end_process(worker.host, worker.pid, worker.started_at)
    heard_at = None if is_here else worker.heartbeat_at
    stem = Path(worker.journal)
    try:
        outcomes, damaged = journals.read(stem)
    except OSError:  # the worker is buried all the same, or one file would stop all scheduling
        outcomes, damaged = [], 1
    author = Author(worker.instance, worker.id, rules)
    recorded = await store.write(
        settlement.bury, author, outcomes, worst, machine.clock.now(), damaged, heard_at
    )
    if recorded is None:
        return False
    if not damaged:
        journals.remove_files(stem)
    return True
