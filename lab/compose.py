"""Puts the services together from a loaded configuration: the one place where all rooms meet."""

import functools
from collections.abc import Callable
from pathlib import Path

from affinity.lane import Limits, limits_of_group
from affinity.route import Routes
from lab.configuration import Loaded
from lab.destinations import destinations, signing_keys
from lab.lifetime import end_process, this_process
from mta import journal as journals
from mta.journal import Journal
from mta.settings import MtaSettings
from mta.signature import Signer
from mta.worker import World
from scheduler.service import Scheduler
from scheduler.settings import settings_from
from store import modules, settlement
from store.engine import Store
from store.transitions import Author
from world.chance import SeededChance
from world.clock import Clock, SystemClock
from world.log import SILENT, Log
from world.network import HostNetwork

Worst = Callable[[str, float], float | None]


def mta_settings(loaded: Loaded, instance: str) -> MtaSettings:
    """The configuration as a worker of this instance sees it.

    Raises:
        UnusableFile: a password or the authorities of a route cannot be read.
    """
    configuration = loaded.configuration
    mta = configuration.mta[instance]
    routes = Routes(configuration.route)

    @functools.cache
    def limits_for(mx_group: str) -> Limits:
        return limits_of_group(configuration, routes, mx_group)

    return MtaSettings(
        instance=instance,
        affinities={
            name: configuration.affinity[name]
            for name in mta.affinities
            if name in configuration.affinity
        },
        limits_for=limits_for,
        destination_for=destinations(loaded).get,
        signer=Signer(signing_keys(loaded)),
        network=HostNetwork.allowing(configuration.lab.allow_networks),
        retry=configuration.retry,
        pace=configuration.scheduler,
        heartbeat_s=mta.heartbeat,
        connections=mta.connections,
        domain=configuration.lab.domain,
    )


def worker_world(
    loaded: Loaded, instance: str, store: Store, log: Callable[[int], Log] = lambda _: SILENT
) -> World:
    """The real world for a worker process of this instance."""
    chance = SeededChance()
    stem = loaded.directory / "journal" / f"{instance}-{chance.token(8)}"
    return World(
        store=store,
        clock=SystemClock(),
        chance=chance,
        journal=Journal(stem),
        process=this_process,
        log=log,
    )


def scheduler(loaded: Loaded, store: Store, clock: Clock, log: Log = SILENT) -> Scheduler:
    """The scheduler of this store."""

    async def bury_worker(worker: modules.Worker, worst: Worst) -> None:
        if await bury(store, clock, worker, worst):
            who = f"worker {worker.id} of mta@{worker.instance}"
            log.warning(
                "worker_buried",
                note=f"{who} (pid {worker.pid}) is gone: its journal is replayed, its parts are "
                "taken back",
                worker_id=worker.id,
                instance=worker.instance,
                worker_pid=worker.pid,
            )

    settings = settings_from(loaded.configuration)
    return Scheduler(store, clock, settings, bury_worker, this_process, log)


async def bury(store: Store, clock: Clock, worker: modules.Worker, worst: Worst) -> bool:
    """Clear up after a worker: end it, replay its journal, take back its parts, drop the journal.

    A journal that is damaged or cannot be read stays where it is, and the audit says so.

    Returns whether it was us who did it. A journal that lies on another host is not there to read:
    what it holds is then unknown to the store, and its messages are sent again.
    """
    # Silent is not dead: until it is ended it may still write to its journal and hold connections.
    is_here = await end_process(worker.host, worker.pid, worker.started_at)
    heard_at = None if is_here else worker.heartbeat_at
    stem = Path(worker.journal)
    try:
        outcomes, damaged = journals.read(stem)
    except OSError:  # the worker is buried all the same, or one file would stop all scheduling
        outcomes, damaged = [], 1
    author = Author(worker.instance, worker.id)
    recorded = await store.write(
        settlement.bury, author, outcomes, worst, clock.now(), damaged, heard_at
    )
    if recorded is None:
        return False
    if not damaged:
        journals.remove_files(stem)
    return True
