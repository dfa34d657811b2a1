"""All webhooks of a lab, each told by a task of its own, so that none waits for another."""

import asyncio
from dataclasses import dataclass

from lab.configuration import Loaded
from lab.following import Following
from lab.machine import Machine
from lab.webhook_names import wanted
from lab.webhook_settings import WebhookSettings
from lab.webhooks.keys import UnusableSecret, key_of
from lab.webhooks.poster import Key, Poster, Surroundings
from lab.webhooks.reading import Reading
from store import tail
from store.engine import Store
from world.log import Log


@dataclass(frozen=True, slots=True)
class _Running:
    settings: WebhookSettings
    key: Key
    domain: str
    networks: tuple[str, ...]
    task: asyncio.Task[None]

    def is_for(self, loaded: Loaded, settings: WebhookSettings, key: Key) -> bool:
        lab = loaded.configuration.lab
        same = (self.settings, self.key.secrets) == (settings, key.secrets)
        return same and (self.domain, self.networks) == (lab.domain, lab.allow_networks)


class WebhookService:
    """Keeps a poster for each webhook that the configuration has."""

    def __init__(self, loaded: Loaded, store: Store, machine: Machine, log: Log) -> None:
        """Make it; raises UnusableSecret if one of them cannot be signed for."""
        self._loaded, self._store, self._machine, self._log = loaded, store, machine, log
        self._keys = keys(loaded)
        self._running: dict[str, _Running] = {}

    async def run(self, following: Following) -> None:
        """Post, and follow changes of the configuration, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._adjust(tasks, self._loaded, self._keys)
            async for loaded in following.changes():
                try:
                    found = keys(loaded)
                except UnusableSecret as error:
                    following.refuse(error)
                else:
                    self._adjust(tasks, loaded, found)

    def _adjust(self, tasks: asyncio.TaskGroup, loaded: Loaded, found: dict[str, Key]) -> None:
        those = {each.name: each for each in loaded.configuration.webhook}
        leaving: dict[str, asyncio.Task[None]] = {}
        for name, running in list(self._running.items()):
            if name not in those or not running.is_for(loaded, those[name], found[name]):
                leaving[name] = self._running.pop(name).task
                leaving[name].cancel()
        lab = loaded.configuration.lab
        network = self._machine.network(loaded)
        around = Surroundings.of(self._store, self._machine, network, self._log)
        for name, settings in those.items():
            if name not in self._running:
                reading = Reading(
                    wanted(settings.events),
                    settings.batch,
                    lab.domain,
                    tail.of_transitions(),
                    tail.of_tracking(),
                )
                poster = Poster(settings, found[name], reading, around)
                work = _after(leaving.get(name), poster)
                task = tasks.create_task(work, name=f"webhook {name}")
                self._running[name] = _Running(
                    settings, found[name], lab.domain, lab.allow_networks, task
                )


def keys(loaded: Loaded) -> dict[str, Key]:
    """What each webhook's requests are signed with; raises UnusableSecret."""
    these = loaded.configuration.webhook
    return {each.name: key_of(loaded, index) for index, each in enumerate(these)}


async def _after(before: asyncio.Task[None] | None, poster: Poster) -> None:
    """Run it, when the one before it has left: both would tell the same."""
    if before is not None:
        await asyncio.wait({before})
    await poster.run()
