"""What a scenario asks of the lab that it runs in, simulated or real."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from lab.configuration import Loaded
from lab.scenario.acts import Network
from monitor.why.host import HostFacts
from store.engine import Store
from world.chance import Chance
from world.clock import Clock

Mode = Literal["simulated", "real"]


class ScenarioLab(Protocol):
    """One lab, from before its start until after its end."""

    mode: Mode

    @property
    def store(self) -> Store: ...

    @property
    def loaded(self) -> Loaded:
        """The configuration as it is now."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def chance(self) -> Chance: ...

    @property
    def beginning(self) -> float:
        """When the scenario began; epoch seconds."""
        ...

    def wrote(self) -> None:
        """The store was changed from outside."""
        ...

    async def until(self, elapsed_s: float) -> None:
        """Let time pass until so long after the beginning."""
        ...

    async def up(self) -> None: ...

    async def down(self) -> None: ...

    def kill(self, what: str, point: str | None) -> None: ...

    def stall(self, what: str) -> None: ...

    def go_on(self, what: str) -> None: ...

    def cut_off(self, what: str, *, is_cut: bool) -> None: ...

    def skew(self, what: str, by_s: float) -> None: ...

    def fill_disk(self, of: str, *, is_full: bool) -> None: ...

    def lose_ip(self, address: str, *, is_lost: bool) -> None: ...

    def network(self, act: Network) -> None: ...

    def lend_nothing(self, *, is_so: bool) -> None: ...

    def become(self, sink: str, personality: str) -> None: ...

    async def configure(self, topology: Mapping[str, Any]) -> None:
        """Write the configuration file anew."""
        ...

    def host_facts(self) -> HostFacts:
        """What can be seen beside the store, for the diagnosis."""
        ...

    def complaints(self) -> Sequence[str]:
        """What must not have happened, in words: a process that ended by a bug of ours."""
        ...

    def digest(self) -> str | None:
        """Of the event log, where it is the same each time."""
        ...
