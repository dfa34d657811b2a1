"""``mtalab up``: scheduler, instances and sinks as processes of their own, kept running."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from affinity.read_toml import variable
from lab.children import Child, Leaving
from lab.configuration import Loaded
from lab.doors import doors
from lab.following import SETTLED, UP, Following, changed
from lab.lifetime import to_the_end
from lab.machine import Machine, Started
from store.modules import SINKS, WEBHOOKS
from world.crash import reach
from world.log import Log

STOP_GRACE_S: Final = 20.0  # longer than an instance gives its workers


def wanted(loaded: Loaded) -> dict[str, tuple[str, ...]]:
    """The commands of a configuration, by name; sinks first, so that they listen first."""
    configuration = loaded.configuration
    found: dict[str, tuple[str, ...]] = {}
    if configuration.sink:
        found[SINKS] = ("sink",)
    for door in doors(configuration):
        found[door.key] = (door.key,)
    if configuration.webhook:
        found[WEBHOOKS] = (WEBHOOKS, "run")
    found["scheduler"] = ("scheduler",)
    for name in configuration.mta:
        found[f"mta@{name}"] = ("mta", "run", name)
    return found


class Supervisor:
    """The parent of a lab's processes."""

    def __init__(
        self,
        loaded: Loaded,
        machine: Machine,
        *,
        reload: Callable[[], Loaded],
        log: Log,
        ready: Callable[[], Awaitable[None]],
        output: Path | None = None,
        ends_by_signal: bool = False,
    ) -> None:
        """Make it; nothing runs yet.

        Args:
            loaded: the configuration to begin with.
            machine: what they are to run on.
            reload: reads the configuration again.
            log: takes what happens.
            ready: raises when the lab could not run, before anything is started.
            output: a file for the words of the children, which are otherwise ours.
            ends_by_signal: whether SIGTERM to this process ends ``run``.
        """
        self._loaded, self._machine = loaded, machine
        self._log, self._output = log, output
        self._ready, self._ends_by_signal = ready, ends_by_signal
        self._children: dict[str, Child] = {}
        self._leaving = Leaving(STOP_GRACE_S)
        # One that is started later must not go to another store than the others.
        self._settled = {
            variable("lab.directory"): str(loaded.directory),
            variable("lab.store"): loaded.store_url,
            variable("lab.durability"): loaded.configuration.lab.durability,
            variable("lab.log"): loaded.configuration.lab.log,
        }
        self.following = Following(loaded, UP, reload, log, machine)

    async def run(self) -> None:
        """Run the lab until cancelled, then stop it in order.

        Raises:
            LabIsUp: another supervisor has this lab.
            UserError: whatever ``ready`` found.
        """
        with self._machine.up_lock(self._loaded.directory, ends_by_signal=self._ends_by_signal):
            await self._ready()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._adjust()
                follow = tasks.create_task(self._follow(), name="follow")
                try:
                    await asyncio.Event().wait()
                finally:
                    follow.cancel()
                    await to_the_end(self._stop_all())
                    await to_the_end(self._machine.start_no_more())

    def _adjust(self) -> None:
        these = wanted(self._loaded)
        for name, words in these.items():
            if name not in self._children:
                start = partial(self._start, words)
                child = Child(name, start, self._machine.clock, log=self._log)
                self._children[name] = child
                self._tasks.create_task(child.run(), name=name)
        for name in [each for each in self._children if each not in these]:
            child = self._children.pop(name)
            self._tasks.create_task(self._leaving.see_off(child), name=f"stop {name}")

    async def _start(self, words: Sequence[str]) -> Started:
        return await self._machine.start(
            self._loaded.path, words, settled=self._settled, output=self._output
        )

    async def _follow(self) -> None:
        async for loaded in self.following.changes():
            reach("supervisor.following")
            before, self._loaded = self._loaded, loaded
            if loaded.text == before.text:
                self._log.info("configuration_read", note="read the configuration again, as asked")
            else:
                note = "the configuration changed: following it"
                self._log.info("configuration_followed", note=note)
            for name, keys in SETTLED.items():
                if changed(keys, before, loaded) and name in self._children:
                    await self._leaving.see_off(self._children.pop(name))
            self._adjust()

    async def _stop_all(self) -> None:
        """Senders before receivers, so that what is in flight can still arrive."""
        every = {*self._children.values(), *self._leaving.still}
        receivers = {each for each in every if each.name == SINKS}
        for these in (every - receivers, receivers):
            await asyncio.gather(*(each.stop(STOP_GRACE_S) for each in these))
