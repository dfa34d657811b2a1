"""The sinks: all of a lab, or one alone."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from sinks.service import Back, SinkService
from sinks.settings import Personality, SinkSettings
from store import modules
from store.tally import Tally
from world.chance import SeededChance
from world.clock import SystemClock
from world.log import Log

ALONE: Final = "sink"  # the name of one that runs without a lab


def sink_service(loaded: Loaded, machine: Machine) -> SinkService:
    """The sinks of a lab; none listens yet."""
    inmail = loaded.configuration.inmail
    return SinkService(
        loaded.configuration.sink,
        loaded.configuration.personality,
        loaded.directory,
        machine.clock,
        machine.chance(),
        machine.sockets,
        Back(inmail.listen if inmail.is_on else None, machine.network(loaded)),
    )


async def run_sinks(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """All sinks of the lab."""
    clock = machine.clock
    configuration = loaded.configuration
    service = sink_service(loaded, machine)
    await service.start()
    try:
        with contextlib.closing(machine.store_of(loaded)) as store:
            detail = ", ".join(
                f"{name} {settings.listen}" for name, settings in configuration.sink.items()
            )
            log.info("listening", note=detail)
            await store.write(
                modules.announce_module, modules.SINKS, machine.this_process(), detail, clock.now()
            )
            following = Following(loaded, modules.SINKS, reload, log, machine)

            async def follow() -> None:
                async for _ in following.changes():
                    pass  # what it changes of them a restart brings, which the account says

            beat = beat_for_ever(store, modules.SINKS, machine, lambda: _tally_of(service))
            with following.on_hangup():
                await first_of(
                    until_told_to_stop(clock, machine.is_orphan),
                    beat,
                    follow(),
                    service.send_back(),
                )
            await say_goodbye(store, modules.SINKS, machine)
    finally:
        await service.stop()


def _tally_of(service: SinkService) -> Tally:
    """What the sinks received and refused, by name."""
    found = Tally()
    for name, counted in service.counts().items():
        found.counts.update({f"{name} {what}": number for what, number in counted.items()})
    return found


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
        await first_of(until_told_to_stop(), service.send_back())
    finally:
        await service.stop()
