"""What the long-running commands do, as coroutines: one service each, until told to stop."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from lab import compose
from lab.audited import Audited
from lab.configuration import Loaded
from lab.destinations import destinations, signing_keys
from lab.following import Following, accounts, hang_up
from lab.instance import Instance
from lab.lifetime import first_of, this_process, until_told_to_stop
from lab.submit.service import WHO, SubmissionService
from lab.supervisor import Supervisor
from mail.errors import UserError
from mta.worker import Worker
from scheduler.settings import settings_from
from sinks.errors import ListenAddressUnusable
from sinks.listening import bound_socket
from sinks.service import SinkService
from sinks.settings import Personality, SinkSettings
from store import audit, modules
from store.engine import Store, shown_url
from store.errors import StoreUnavailable
from store.schema import open_store
from world.chance import SeededChance
from world.clock import Clock, SystemClock
from world.log import Log

Reload = Callable[[], Loaded]

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


async def run_up(loaded: Loaded, reload: Reload, log: Log) -> None:
    """The whole lab.

    Raises:
        UnusableFile: a password, key or the authorities of a route cannot be read.
    """
    signing_keys(loaded)
    destinations(loaded)  # better one clear refusal than workers that cannot start
    clock = SystemClock()
    had_terminal = sys.stderr.isatty()

    def hung_up() -> None:
        if had_terminal and not sys.stderr.isatty():
            os.kill(os.getpid(), signal.SIGTERM)  # its window was closed: nobody watches any more
        else:
            hang_up(accounts(loaded.directory))

    # One process makes the schema before five ask for it.
    with contextlib.closing(open_store(loaded.store_url)) as store, Audited(store, clock) as told:
        supervisor = lab_of(loaded, clock, reload, log, ends_by_signal=True, begins=told.begins)
        with supervisor.following.on_hangup(hung_up):
            await first_of(until_told_to_stop(with_parent=False), supervisor.run())


def lab_of(
    loaded: Loaded,
    clock: Clock,
    reload: Reload,
    log: Log,
    *,
    output: Path | None = None,
    ends_by_signal: bool = False,
    begins: Callable[[], None] = lambda: None,
) -> Supervisor:
    """The supervisor of a lab, which refuses to start where its sinks could not listen.

    ``begins`` is called when nothing is in the way any more, before the first process starts.
    """

    async def ready() -> None:
        await all_can_listen(loaded, clock)
        begins()

    return Supervisor(
        loaded,
        clock,
        reload=reload,
        log=log,
        ready=ready,
        output=output,
        ends_by_signal=ends_by_signal,
    )


async def run_scheduler(loaded: Loaded, reload: Reload, log: Log) -> None:
    """The scheduler of this lab; a second one waits for the first to end."""
    clock = SystemClock()
    with contextlib.closing(open_store(loaded.store_url)) as store:
        scheduler = compose.scheduler(loaded, store, clock, log)
        following = Following(loaded, modules.SCHEDULER, reload, log, clock)
        log.info("started", note=f"on {shown_url(loaded.store_url)}")

        async def follow() -> None:
            text = loaded.text
            async for changed in following.changes():
                scheduler.reconfigure(settings_from(changed.configuration))
                if scheduler.has_led and changed.text != text:
                    with contextlib.suppress(StoreUnavailable):
                        note = f"the changed configuration is followed: {changed.path}"
                        await store.write(audit.note, clock.now(), note)
                text = changed.text

        with following.on_hangup():
            await first_of(until_told_to_stop(with_parent=True), scheduler.run(), follow())
        if scheduler.has_led:
            await _say_goodbye(store, modules.SCHEDULER, clock)


async def run_instance(loaded: Loaded, name: str, reload: Reload, log: Log) -> None:
    """One MTA instance and its workers."""
    with contextlib.closing(open_store(loaded.store_url)) as store:
        mta = loaded.configuration.mta[name]
        note = f"{mta.workers} workers, affinities {', '.join(mta.affinities)}"
        log.info("started", note=note)
        clock = SystemClock()
        following = Following(loaded, f"mta@{name}", reload, log, clock)
        instance = Instance(loaded, name, store, clock, following=following, log=log)
        with following.on_hangup():
            await first_of(until_told_to_stop(with_parent=True), instance.run())


async def run_worker(
    loaded: Loaded, name: str, reload: Reload, log_of: Callable[[str], Log]
) -> None:
    """One worker process of an instance; ``log_of`` is its log by the name that it gets."""
    with contextlib.closing(open_store(loaded.store_url)) as store:
        following = Following(loaded, f"mta@{name}", reload, log_of(f"mta@{name}"), SystemClock())

        def registered(number: int) -> Log:
            following.rename(f"mta@{name}-{number}")
            return log_of(f"mta@{name}-{number}")

        worker = Worker(
            compose.worker_world(loaded, name, store, registered),
            compose.mta_settings(loaded, name),
        )

        async def follow() -> None:
            async for changed in following.changes():
                if name not in changed.configuration.mta:
                    return
                try:
                    worker.reconfigure(compose.mta_settings(changed, name))
                except UserError as error:
                    following.refuse(error)

        with following.on_hangup():
            await _run_worker(worker, follow)


async def _run_worker(worker: Worker, follow: Callable[[], Coroutine[Any, Any, None]]) -> None:
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


async def run_sinks(loaded: Loaded, reload: Reload, log: Log) -> None:
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
            log.info("listening", note=detail)
            await store.write(modules.announce_module, SINKS, this_process(), detail, clock.now())
            following = Following(loaded, SINKS, reload, log, clock)

            async def follow() -> None:
                async for _ in following.changes():
                    pass  # what it changes of them a restart brings, which the account says

            beat = _beat_for_ever(store, SINKS, clock)
            with following.on_hangup():
                await first_of(until_told_to_stop(with_parent=True), beat, follow())
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


async def run_submission(loaded: Loaded, reload: Reload, log: Log) -> None:
    """The submission port of the lab."""
    clock = SystemClock()
    with contextlib.closing(open_store(loaded.store_url)) as store:
        service = SubmissionService(loaded, store, clock, SeededChance())

        following = Following(loaded, SUBMISSION, reload, log, clock)

        async def follow() -> None:
            async for changed in following.changes():
                service.reconfigure(changed)

        async with service.running() as (host, port):
            detail = f"{host}:{port}"
            log.info("listening", note=detail)
            await store.write(
                modules.announce_module, SUBMISSION, this_process(), detail, clock.now()
            )
            beat = _beat_for_ever(store, SUBMISSION, clock)
            with following.on_hangup():
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
