"""What the services behind the doors of a lab have in common: they announce where they listen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import Writes, beat_for_ever, say_goodbye
from lab.services.loop import Reload
from mail.errors import UserError
from store import modules
from store.errors import StoreUnavailable
from world.log import Log

_AGAIN_S: Final = 2.0  # after it could not be announced


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
    store: Writes
    works_alone: bool = False  # it serves on without the store, also when it starts

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
        with following.on_hangup():
            await first_of(
                until_told_to_stop(clock, self.machine.is_orphan), self._beat(detail), follow()
            )

    async def _beat(self, detail: str) -> None:
        clock = self.machine.clock
        while not await self._is_announced(detail):
            await clock.doze(_AGAIN_S)
        await beat_for_ever(self.store, self.name, self.machine)

    async def _is_announced(self, detail: str) -> bool:
        process, clock = self.machine.this_process(), self.machine.clock
        try:
            await self.store.write(modules.announce_module, self.name, process, detail, clock.now())
        except StoreUnavailable:
            if not self.works_alone:
                raise
            return False
        return True

    async def say_goodbye(self) -> None:
        """Say that it has stopped, and did not die."""
        await say_goodbye(self.store, self.name, self.machine)
