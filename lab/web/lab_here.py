"""The lab that the pages and the API are about, as those who answer hold it."""

from typing import Annotated, Final, ParamSpec, TypeVar

from fastapi import Depends, Request

from lab.acting.once import Once
from lab.configuration import Loaded
from lab.inbox.mailbox import Inbox
from lab.kept import now_of
from lab.machine import Machine
from lab.playing.runs import Runs
from lab.web.listeners import Listeners
from lab.web.of_address import OfAddresses
from lab.web.past_queues import PastQueues
from lab.web.pulse import Pulse
from store.engine import Operation, Store
from world.clock import Clock
from world.log import Log

P = ParamSpec("P")
T = TypeVar("T")

_RUNS: Final = "scenario-runs"  # folder under that of the lab's data


class LabHere:
    """One lab; ``loaded`` is its configuration as of now, so take it anew for each answer."""

    def __init__(
        self, loaded: Loaded, store: Store, machine: Machine, log: Log, *, is_kept: bool
    ) -> None:
        self.loaded, self.store, self.machine, self.log = loaded, store, machine, log
        self.is_kept = is_kept  # from a simulation: it can be looked at, and not changed
        self.pulse = Pulse(store, machine.clock)
        self.once = Once(store, machine)
        self.listeners = Listeners()
        self.runs = Runs(loaded.directory / _RUNS, machine.clock)
        self.inbox = Inbox(loaded.directory)
        self.since = machine.clock.now()  # the server's start, epoch seconds
        self.of_addresses = OfAddresses(store, machine.clock)
        self.past_queues = PastQueues(store, machine.clock)

    @property
    def clock(self) -> Clock:
        return self.machine.clock

    def now(self) -> float:
        """Epoch seconds; the end of its simulation, where it was kept from one."""
        return now_of(self.loaded, self.machine.clock)

    def read(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the store. Blocks: handlers that call it are plain functions, run in a thread."""
        return self.store.read_now(operation, *args, **kwargs)

    def write(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Change something, in one transaction. Blocks."""
        return self.store.write_now(operation, *args, **kwargs)


def _of(request: Request) -> LabHere:
    found = request.app.state.lab
    assert isinstance(found, LabHere)
    return found


Here = Annotated[LabHere, Depends(_of)]
"""What a handler names as its parameter to be given the lab."""
