"""What the long-running commands do, as coroutines: one service each, until told to stop."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from lab import compose
from lab.configuration import Loaded
from lab.destinations import destinations, signing_keys
from lab.instance import Instance
from lab.lifetime import first_of, this_process, until_told_to_stop
from lab.submit.service import WHO, SubmissionService
from lab.supervisor import Supervisor
from lab.watch import changes
from mail.errors import UserError
from mta.worker import Worker
from scheduler.settings import settings_from
from sinks.errors import ListenAddressUnusable
from sinks.listening import bound_socket
from sinks.service import SinkService
from sinks.settings import Personality, SinkSettings
from store import modules
from store.engine import Store
from store.errors import StoreUnavailable
from store.schema import open_store
from world.chance import SeededChance
from world.clock import Clock, SystemClock

Reload = Callable[[], Loaded]
Say = Callable[[str], None]

BEAT_EVERY_S = 1.0
ORPHANS_LEAVE_WITHIN_S = 2.0
SINKS = "sinks"
ALONE = "sink"  # the name of one that runs without a lab
SUBMISSION = "submission"


def in_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a service in the fastest event loop there is."""
    try:
        import uvloop
    except ImportError:  # Windows has none
        asyncio.run(main)
    else:
        uvloop.run(main)


async def run_up(loaded: Loaded, reload: Reload, say: Say) -> None:
    """The whole lab.

    Raises:
        UnusableFile: a password, key or the authorities of a route cannot be read.
    """
    signing_keys(loaded)
    destinations(loaded)  # better one clear refusal than workers that cannot start
    clock = SystemClock()
    with contextlib.closing(open_store(loaded.store_url)):
        pass  # one process makes the schema before five ask for it
    supervisor = lab_of(loaded, clock, reload, say)
    await first_of(until_told_to_stop(with_parent=False), supervisor.run())


def lab_of(
    loaded: Loaded, clock: Clock, reload: Reload, say: Say, output: Path | None = None
) -> Supervisor:
    """The supervisor of a lab, which refuses to start where its sinks could not listen."""

    async def ready() -> None:
        await all_can_listen(loaded, clock)

    return Supervisor(loaded, clock, reload=reload, say=say, ready=ready, output=output)


async def run_scheduler(loaded: Loaded, reload: Reload, say: Say) -> None:
    """The scheduler of this lab; a second one waits for the first to end."""
    clock = SystemClock()
    with contextlib.closing(open_store(loaded.store_url)) as store:
        scheduler = compose.scheduler(loaded, store, clock)
        say(f"scheduler: on {loaded.store_url}")

        async def follow() -> None:
            async for changed in changes(loaded, reload, say):
                scheduler.reconfigure(settings_from(changed.configuration))

        await first_of(until_told_to_stop(with_parent=True), scheduler.run(), follow())
        if scheduler.has_led:
            await _say_goodbye(store, modules.SCHEDULER, clock)


async def run_instance(loaded: Loaded, name: str, reload: Reload, say: Say) -> None:
    """One MTA instance and its workers."""
    with contextlib.closing(open_store(loaded.store_url)) as store:
        mta = loaded.configuration.mta[name]
        say(f"mta@{name}: {mta.workers} workers, affinities {', '.join(mta.affinities)}")
        instance = Instance(loaded, name, store, SystemClock(), reload=reload, say=say)
        await first_of(until_told_to_stop(with_parent=True), instance.run())


async def run_worker(loaded: Loaded, name: str, reload: Reload, say: Say) -> None:
    """One worker process of an instance."""
    with contextlib.closing(open_store(loaded.store_url)) as store:
        worker = Worker(
            compose.worker_world(loaded, name, store), compose.mta_settings(loaded, name)
        )

        async def follow() -> None:
            async for changed in changes(loaded, reload, say):
                if name not in changed.configuration.mta:
                    return
                try:
                    worker.reconfigure(compose.mta_settings(changed, name))
                except UserError as error:
                    say(f"the changed configuration is not used:\n{error}")

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(worker.run(), name="worker")
            told = tasks.create_task(
                first_of(until_told_to_stop(with_parent=True), follow()), name="told"
            )
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            worker.stop()


async def all_can_listen(loaded: Loaded, clock: Clock) -> None:
    """See whether all ports are free: better one clear refusal than a child that loops.

    The sinks of a supervisor that was killed leave by themselves a moment later.

    Raises:
        ListenAddressUnusable: something else has one of the ports.
    """
    submission = loaded.configuration.submission
    deadline = clock.monotonic() + ORPHANS_LEAVE_WITHIN_S
    while True:
        try:
            _sink_service(loaded, clock).check()
            if submission.is_on:
                bound_socket(WHO, submission.listen).close()
        except ListenAddressUnusable:
            if clock.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


def _sink_service(loaded: Loaded, clock: Clock) -> SinkService:
    return SinkService(
        loaded.configuration.sink,
        loaded.configuration.personality,
        loaded.directory,
        clock,
        SeededChance(),
    )


async def run_sinks(loaded: Loaded, say: Say) -> None:
    """All sinks of the lab."""
    clock = SystemClock()
    configuration = loaded.configuration
    service = _sink_service(loaded, clock)
    await service.start()
    try:
        with contextlib.closing(open_store(loaded.store_url)) as store:
            detail = ", ".join(
                f"{name} {settings.listen}" for name, settings in configuration.sink.items()
            )
            say(f"sinks: {detail}")
            await store.write(modules.announce_module, SINKS, this_process(), detail, clock.now())
            await first_of(
                until_told_to_stop(with_parent=True), _beat_for_ever(store, SINKS, clock)
            )
            await _say_goodbye(store, SINKS, clock)
    finally:
        await service.stop()


async def run_sink_alone(
    settings: SinkSettings,
    personalities: Mapping[str, Personality],
    folder: Path,
    listening: Callable[[str], None],
) -> None:
    """One sink without a lab; ``listening`` is told its address once it listens."""
    service = SinkService({ALONE: settings}, personalities, folder, SystemClock(), SeededChance())
    await service.start()
    try:
        host, port = service.addresses[ALONE]
        listening(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await until_told_to_stop(with_parent=False)
    finally:
        await service.stop()


async def run_submission(loaded: Loaded, reload: Reload, say: Say) -> None:
    """The submission port of the lab."""
    clock = SystemClock()
    with contextlib.closing(open_store(loaded.store_url)) as store:
        service = SubmissionService(loaded, store, clock, SeededChance())

        async def follow() -> None:
            async for changed in changes(loaded, reload, say):
                service.reconfigure(changed)

        async with service.running() as (host, port):
            detail = f"{host}:{port}"
            say(f"submission: {detail}")
            await store.write(
                modules.announce_module, SUBMISSION, this_process(), detail, clock.now()
            )
            beat = _beat_for_ever(store, SUBMISSION, clock)
            await first_of(until_told_to_stop(with_parent=True), beat, follow())
        await _say_goodbye(store, SUBMISSION, clock)


async def _beat_for_ever(store: Store, name: str, clock: SystemClock) -> None:
    while True:
        with contextlib.suppress(StoreUnavailable):  # the service goes on without the store
            await store.write(modules.beat_module, name, this_process(), clock.now())
        await asyncio.sleep(BEAT_EVERY_S)


async def _say_goodbye(store: Store, name: str, clock: SystemClock) -> None:
    with contextlib.suppress(StoreUnavailable):
        await store.write(modules.stop_module, name, this_process().pid, clock.now())
