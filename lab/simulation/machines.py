"""All processes of a simulation on their one machine: started, killed, stopped, told."""

import asyncio
import contextlib
import contextvars
import inspect
import itertools
import signal
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.configuration import Loaded
from lab.lifetime import first_of, until_told_to_stop
from lab.services.inmail import run_inmail
from lab.services.instance import run_instance
from lab.services.scheduler import run_scheduler
from lab.services.sinks import run_sinks
from lab.services.submission import run_submission
from lab.services.tracking import run_tracking
from lab.services.up import lab_of
from lab.services.webhooks import run_webhooks
from lab.services.worker import run_worker
from lab.simulation.loop import SimulatedLoop
from lab.simulation.machine import Disks, SimulatedClock, SimulatedMachine
from lab.simulation.process import (
    CURRENT,
    ProcessGone,
    SimulatedProcess,
    State,
    killed_by,
)
from lab.simulation.saying import Said
from lab.simulation.store import SharedStore
from lab.simulation.transport import End
from lab.simulation.wire import Wire
from mail.errors import MtalabError
from sinks import control
from world.log import Log

_FIRST_PID: Final = 100
_FINALLY_MAX: Final = 100  # waits of one task's ``finally`` blocks
_PLAIN: Final = {  # by their command, those that are run with nothing but that
    ("sink",): run_sinks,
    ("submission",): run_submission,
    ("inmail",): run_inmail,
    ("tracking",): run_tracking,
    ("webhooks", "run"): run_webhooks,
    ("scheduler",): run_scheduler,
}
_FATAL: Final = frozenset((signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


@dataclass(frozen=True, slots=True)
class Crash:
    """A process that ended by an error that is nobody's but ours."""

    at: float
    name: str
    error: BaseException


class Machines:
    """The machine of a simulation, and what runs on it."""

    def __init__(
        self,
        loop: SimulatedLoop,
        wire: Wire,
        shared: SharedStore,
        loaded: Loaded,
        *,
        seed: str,
        epoch: float,
        said: Said,
    ) -> None:
        self.loop, self.wire, self.shared, self.loaded = loop, wire, shared, loaded
        self.seed, self.epoch, self.said = seed, epoch, said
        self.clock = SimulatedClock(self)
        self.processes: dict[int, SimulatedProcess] = {}
        self.doors: dict[int, control.Handle] = {}  # by process
        self.crashes: list[Crash] = []
        self.disks = Disks()
        self.hosts: dict[str, str] = {}
        self.on_crash: list[Callable[[Crash], None]] = []
        self.on_spawn: list[Callable[[SimulatedProcess], None]] = []
        self.on_reload: list[Callable[[Loaded], None]] = []
        self.on_point: list[Callable[[str, SimulatedProcess], bool]] = []  # whether to die there
        self.resumed_at = -1e9  # when a stopped process last went on
        loop.burnt_down = self.kill
        self._pids = itertools.count(_FIRST_PID)
        self._numbers: dict[str, int] = {}

    # --- starting --------------------------------------------------------------------------------

    def spawn(self, words: Sequence[str], parent: SimulatedProcess | None) -> SimulatedProcess:
        """Start a process; it runs when the loop does."""
        process = SimulatedProcess(
            next(self._pids),
            self._name_of(words),
            tuple(words),
            parent,
            self.clock.now(),
            self.loop.create_future(),
        )
        process.on_signal = self._signalled
        for each in self.on_spawn:
            each(process)
        self.processes[process.pid] = process
        context = contextvars.Context()
        context.run(CURRENT.set, process)
        service = self._service(process, SimulatedMachine(self, process))
        main = self.loop.create_task(
            self._live(process, service), name=process.name, context=context
        )
        process.tasks.add(main)
        return process

    def _name_of(self, words: Sequence[str]) -> str:
        match tuple(words):
            case ("worker", instance):
                number = self._numbers[instance] = self._numbers.get(instance, 0) + 1
                return f"worker {number} of mta@{instance}"
            case ("mta", "run", instance):
                return f"mta@{instance}"
            case _:
                return words[0]

    def _service(
        self, process: SimulatedProcess, machine: SimulatedMachine
    ) -> Coroutine[Any, Any, None]:
        loaded, reload, log = self.loaded, lambda: self.loaded, self.log_of(process.name)
        match process.words:
            case ("up",):
                return self._up(machine, log)
            case words if words in _PLAIN:
                return _PLAIN[words](loaded, reload, log, machine)
            case ("mta", "run", name):
                return run_instance(loaded, name, reload, log, machine)
            case ("worker", name):
                return run_worker(loaded, name, reload, self.log_of, machine)
            case _:
                raise AssertionError(process.words)

    async def _up(self, machine: SimulatedMachine, log: Log) -> None:
        supervisor = lab_of(self.loaded, machine, lambda: self.loaded, log)
        with supervisor.following.on_hangup():
            await first_of(until_told_to_stop(), supervisor.run())

    def log_of(self, module: str) -> Log:
        return self.said.by(module, self.clock)

    async def _live(self, process: SimulatedProcess, service: Coroutine[Any, Any, None]) -> None:
        code = 0
        try:
            await service
        except MtalabError as error:
            self.log_of(process.name).error("refused", note=str(error))
            code = 1
        except BaseExceptionGroup as group:
            ours, others = group.split(MtalabError)
            code = 1
            if others is not None:
                self._crashed(process, others)
            else:
                self.log_of(process.name).error("refused", note=str(ours))
        except Exception as error:  # noqa: BLE001 - the run fails by it
            self._crashed(process, error)
            code = 1
        self._end(process, code)

    def _crashed(self, process: SimulatedProcess, error: BaseException) -> None:
        """A bug of ours: it would be started again, to end again, for ever."""
        crash = Crash(self.loop.time(), process.name, error)
        self.crashes.append(crash)
        for each in self.on_crash:
            each(crash)
        self.loop.fail(error)

    # --- ending ----------------------------------------------------------------------------------

    def _end(self, process: SimulatedProcess, code: int) -> None:
        process.die(code)
        if self.shared.leader is process:
            self.shared.leader = None
        self.doors.pop(process.pid, None)
        self.trouble()

    def kill(self, process: SimulatedProcess) -> None:
        """SIGKILL: between two instructions, and nothing of it ever runs again."""
        if process.state is not State.DEAD:
            self._end(process, killed_by(signal.SIGKILL))

    def reached(self, point: str) -> None:
        """A named point of ``world.crash``, at which a process may be made to die.

        Raises:
            ProcessGone: it was.
        """
        process = CURRENT.get()
        if process is None:
            return
        if process.dies_at == point or any(each(point, process) for each in self.on_point):
            for held in process.open.values():
                if isinstance(held, End):
                    held.died_reading()
            self.kill(process)
            raise ProcessGone

    def kill_at(self, process: SimulatedProcess, point: str) -> None:
        """SIGKILL when it next reaches a point of ``world.crash``."""
        process.dies_at = point

    def stop(self, process: SimulatedProcess) -> None:
        """SIGSTOP: what it was to do waits."""
        if process.state is State.RUNNING:
            process.state = State.STOPPED
            process.stopped_at = self.loop.time()
            for each in process.open.values():
                if isinstance(each, End):
                    each.tell_if_unheard()
            self.trouble()

    def resume(self, process: SimulatedProcess) -> None:
        """SIGCONT."""
        if process.state is State.STOPPED:
            self.resumed_at = process.resumed_at = self.loop.time()
            self.loop.resume(process)
            self.trouble()

    def trouble(self) -> None:
        """Something about the machine is as it was not: all look."""
        self.loop.dozing.changed("machine")
        self.loop.dozing.changed("store")

    def _signalled(self, process: SimulatedProcess, number: int) -> None:
        handler = process.handlers.get(number)
        if process.state is State.DEAD:
            return
        if number == signal.SIGKILL or (handler is None and number in _FATAL):
            self.kill(process)
        elif number == signal.SIGSTOP:
            self.stop(process)
        elif number == signal.SIGCONT:
            self.resume(process)
        elif handler is not None:
            callback, arguments = handler
            context = contextvars.Context()
            context.run(CURRENT.set, process)
            self.loop.call_soon(callback, *arguments, context=context)

    def living(self, name: str) -> list[SimulatedProcess]:
        """Those of a module that are not dead: ``scheduler``, ``mta@x``, ``worker of mta@x``."""
        found = [each for each in self.processes.values() if each.state is not State.DEAD]
        return [each for each in found if is_called(each, name)]

    def is_running(self, host: str, pid: int) -> bool | None:
        """Of whichever host; see ``lab.machine.Machine``."""
        found = self.processes.get(pid)
        return found is not None and found.state is not State.DEAD

    def is_stopped(self, pid: int) -> bool:
        """As ``lab.machine.Machine`` has it."""
        found = self.processes.get(pid)
        return found is not None and found.state is State.STOPPED

    def reconfigure(self, loaded: Loaded) -> None:
        """The configuration file says something else."""
        self.loaded = loaded
        for each in self.on_reload:
            each(loaded)
        self.trouble()

    def clear_away(self) -> None:
        """Kill all, and let go of what the dead were about to do without doing it."""
        for process in self.processes.values():
            process.die(killed_by(signal.SIGKILL))
        with self.loop.over(), _nobody_told(), warnings.catch_warnings():
            # Some died between the making of a coroutine and its first step.
            warnings.simplefilter("ignore", RuntimeWarning)
            for process in self.processes.values():
                for task in tuple(process.tasks):
                    _let_go(task)


def is_called(process: SimulatedProcess, name: str) -> bool:
    """Whether it is one of these.

    A module (``scheduler``, ``mta@x``, ``worker of mta@x``), any ``worker``, or ``all of x``: an
    instance and its workers.
    """
    if name.startswith("all of "):
        return process.words[-1] == name.removeprefix("all of ")
    if name == "worker":
        return process.words[0] == "worker"
    if name.startswith("worker of "):
        return process.words == ("worker", name.removeprefix("worker of mta@"))
    return process.name == name


@contextlib.contextmanager
def _nobody_told() -> Iterator[None]:
    """A coroutine of the dead that would still wait for something is no news."""
    before = sys.unraisablehook

    def hear(what: Any) -> None:
        if not isinstance(what.exc_value, RuntimeError):
            before(what)

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before


def _let_go(task: asyncio.Task[Any]) -> None:
    """A dead process's task: its ``finally`` blocks run now, on things that are closed to them."""
    unwatched: Any = task
    unwatched._log_destroy_pending = False
    chain: list[Any] = []
    each: Any = task.get_coro()
    while inspect.iscoroutine(each):
        chain.append(each)
        each = each.cr_await
    for each in reversed(chain):
        for _ in range(_FINALLY_MAX):
            with contextlib.suppress(Exception, ProcessGone, asyncio.CancelledError):
                each.close()
                break  # else it wanted to wait once more


def config_file(folder: Path) -> Path:
    """Where the configuration of a simulation in this folder is written."""
    return folder / "mtalab.toml"
