"""What the services behind the doors of a lab have in common: they announce where they listen."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from mail.errors import UserError
from store import modules
from store.engine import Store
from world.log import Log


class DoorIsOff(UserError):
    """A server was to be run that the configuration does not have."""


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A process that serves one door; ``name`` is its module's."""

    name: str
    loaded: Loaded
    reload: Reload
    log: Log
    machine: Machine
    store: Store

    async def keep(self, place: tuple[str, int], changed: Callable[[Loaded], None]) -> None:
        """Announce that it listens at ``place``, and beat until told to stop.

        ``changed`` is told of each change of the configuration.
        """
        clock = self.machine.clock
        following = Following(self.loaded, self.name, self.reload, self.log, self.machine)

        async def follow() -> None:
            async for each in following.changes():
                changed(each)

        detail = f"{place[0]}:{place[1]}"
        self.log.info("listening", note=detail)
        await self.store.write(
            modules.announce_module, self.name, self.machine.this_process(), detail, clock.now()
        )
        beat = beat_for_ever(self.store, self.name, self.machine)
        with following.on_hangup():
            await first_of(until_told_to_stop(clock, self.machine.is_orphan), beat, follow())

    async def say_goodbye(self) -> None:
        """Say that it has stopped, and did not die."""
        await say_goodbye(self.store, self.name, self.machine)
