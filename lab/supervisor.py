"""``mtalab up``: scheduler, instances and sinks as processes of their own, kept running."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from lab.children import Child, command_line
from lab.configuration import Loaded
from lab.following import UP, Following
from lab.up_lock import up_lock
from world.clock import Clock
from world.log import Log

STOP_GRACE_S: Final = 20.0  # longer than an instance gives its workers


# Where these listen and whom they let in is settled at their start.
_RESTARTED: Final[Mapping[str, Callable[[Loaded], object]]] = {
    "sinks": lambda each: (each.configuration.sink, each.configuration.personality),
    "submission": lambda each: each.configuration.submission,
}


class Supervisor:
    """The parent of a lab's processes."""

    def __init__(
        self,
        loaded: Loaded,
        clock: Clock,
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
            clock: for pauses before a child is started again.
            reload: reads the configuration again.
            log: takes what happens.
            ready: raises when the lab could not run, before anything is started.
            output: a file for the words of the children, which are otherwise ours.
            ends_by_signal: whether SIGTERM to this process ends ``run``.
        """
        self._loaded, self._clock = loaded, clock
        self._log, self._output = log, output
        self._ready, self._ends_by_signal = ready, ends_by_signal
        self._children: dict[str, Child] = {}
        self.following = Following(loaded, UP, reload, log, clock)

    async def run(self) -> None:
        """Run the lab until cancelled, then stop it in order.

        Raises:
            LabIsUp: another supervisor has this lab.
            UserError: whatever ``ready`` found.
        """
        with up_lock(self._loaded.directory, ends_by_signal=self._ends_by_signal):
            await self._ready()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._adjust()
                follow = tasks.create_task(self._follow(), name="follow")
                try:
                    await asyncio.Event().wait()
                finally:
                    follow.cancel()
                    await self._stop_all()

    def _wanted(self) -> dict[str, list[str]]:
        """The processes of the configuration, by name; sinks first, so that they listen first."""
        configuration, path = self._loaded.configuration, self._loaded.path

        def command(*words: str) -> list[str]:
            return command_line(path, *words, "--log-format", configuration.lab.log)

        wanted = {}
        if configuration.sink:
            wanted["sinks"] = command("sink")
        if configuration.submission.is_on:
            wanted["submission"] = command("submission")
        wanted["scheduler"] = command("scheduler")
        for name in configuration.mta:
            wanted[f"mta@{name}"] = command("mta", "run", name)
        return wanted

    def _adjust(self) -> None:
        wanted = self._wanted()
        for name, argv in wanted.items():
            if name not in self._children:
                child = Child(name, argv, self._clock, log=self._log, output=self._output)
                self._children[name] = child
                self._tasks.create_task(child.run(), name=name)
        for name in [each for each in self._children if each not in wanted]:
            child = self._children.pop(name)
            self._tasks.create_task(child.stop(STOP_GRACE_S), name=f"stop {name}")

    async def _follow(self) -> None:
        async for loaded in self.following.changes():
            before, self._loaded = self._loaded, loaded
            self._log.info("configuration_followed", note="the configuration changed: following it")
            for name, part_of in _RESTARTED.items():
                if part_of(before) != part_of(loaded) and name in self._children:
                    await self._children.pop(name).stop(STOP_GRACE_S)
            self._adjust()

    async def _stop_all(self) -> None:
        """Senders before receivers, so that what is in flight can still arrive."""
        first = [child for name, child in self._children.items() if name != "sinks"]
        await asyncio.gather(*(each.stop(STOP_GRACE_S) for each in first))
        if "sinks" in self._children:
            await self._children["sinks"].stop(STOP_GRACE_S)
