"""An event loop with virtual time: when nothing can run, the clock moves to what comes next.

Of the same callbacks in the same order it makes the same run, byte for byte: nothing here depends
on the machine, its clock or its threads. What runs at one instant runs in the order in which it was
asked for.
"""

import asyncio
import contextlib
import contextvars
import heapq
import itertools
from asyncio import events, sslproto
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, Final, Protocol, TypeVar

from lab.simulation.dozing import Dozing
from lab.simulation.process import CURRENT, SimulatedProcess, State

HANDLES_PER_INSTANT_MAX: Final = 2_000_000  # more is somebody who waits by not waiting

_T = TypeVar("_T")
_Context = contextvars.Context | None


class Standstill(RuntimeError):
    """Everything waits and nothing is due: the run would last for ever."""


class CallbackFailed(RuntimeError):
    """A callback of a living process raised; in a real process nobody would have heard it."""


class Network(Protocol):
    """What the loop needs of a network; ``wire.Wire`` is one."""

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], source_ip: str, host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]: ...

    def listen(self, sock: Any, factory: Callable[[], asyncio.BaseProtocol]) -> Any: ...


# To mypy all methods of a loop are abstract; those that nobody asks for stay as asyncio has them.
_Base: Any = asyncio.AbstractEventLoop


class SimulatedLoop(_Base):  # type: ignore[misc]
    """One loop for all processes of a simulation."""

    def __init__(self, began_at: float = 0.0) -> None:
        self._now = began_at
        self._ready: deque[tuple[asyncio.Handle, SimulatedProcess | None]] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, SimulatedProcess | None]] = []
        self._order = itertools.count()
        self._is_closed = False
        self._is_over = False
        self._failures: list[BaseException] = []
        self._running: SimulatedProcess | None = None  # whose callback runs
        self._quiet: list[asyncio.Future[None]] = []
        self.dozing = Dozing()
        self.network: Network | None = None
        self.handles = 0  # run so far
        self.burnt_down: Callable[[SimulatedProcess], None] = lambda _: None  # its fuse
        self._halted: BaseException | None = None

    # --- time ------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def run_until_complete(self, future: Any) -> Any:
        events._set_running_loop(self)
        try:
            main = asyncio.ensure_future(future, loop=self)  # noqa: TID251 - there is none yet
            while not main.done():
                self._run_instant()
                if main.done():
                    break
                if self._quiet:
                    self._let_quiet()
                elif not self._ready:
                    self._advance()
            return main.result()
        finally:
            events._set_running_loop(None)

    def _run_instant(self) -> None:
        """Run all that can run without any time passing."""
        ready, left = self._ready, HANDLES_PER_INSTANT_MAX
        while ready:
            handle, process = ready.popleft()
            if handle.cancelled():
                continue
            if process is not None and process.state is not State.RUNNING:
                if process.state is State.STOPPED:
                    process.held_back.append(handle)
                continue
            self._running = process
            handle._run()
            self.handles += 1
            if self._halted is not None:
                raise self._halted
            if process is not None and process.fuse:
                process.fuse -= 1
                if not process.fuse:
                    self.burnt_down(process)
            left -= 1
            if left == 0:
                raise Standstill(f"no end of callbacks at {self._now:.3f} s, such as {handle!r}")
        if self._failures:
            raise CallbackFailed(f"at {self._now:.3f} s") from self._failures[0]

    def halt(self, error: BaseException) -> None:
        """End the run by this, as soon as what runs now gives way; the first one counts."""
        self._halted = self._halted or error

    def end_if_halted(self) -> None:
        """Raise that by which the run ended or is to end, if there is any."""
        if self._halted is not None:
            raise self._halted

    async def end_of_instant(self) -> None:
        """Wait until all that can be done without any time passing is done."""
        quiet = self.create_future()
        self._quiet.append(quiet)
        await quiet

    def _let_quiet(self) -> None:
        quiet, self._quiet = self._quiet, []
        for each in quiet:
            if not each.done():
                each.set_result(None)

    def _advance(self) -> None:
        """Move the clock to what is due next, and make it ready."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        dozed = self.dozing.next_wake(self._now, timers[0][0] if timers else None)
        if dozed is not None and (not timers or dozed < timers[0][0]):
            self._now = max(self._now, dozed)
            self.dozing.wake(self._now)
            return
        if not timers:
            raise Standstill("everything waits, and nothing is due")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, handle, process = heapq.heappop(timers)
            self._ready.append((handle, process))

    def fail(self, error: BaseException) -> None:
        """The run ends with this error, as soon as nothing else can happen at this instant."""
        self._failures.append(error)

    def resume(self, process: SimulatedProcess) -> None:
        """Let a stopped process go on with what was held back."""
        process.state = State.RUNNING
        self.dozing.changed("machine")
        held, process.held_back = process.held_back, []
        self._ready.extend((each, process) for each in held)

    # --- callbacks -------------------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: _Context = None
    ) -> asyncio.Handle:
        process = CURRENT.get() if context is None else context.get(CURRENT)
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((handle, process))
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: _Context = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: _Context = None
    ) -> asyncio.TimerHandle:
        process = CURRENT.get() if context is None else context.get(CURRENT)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), handle, process))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass  # it is passed over when its time comes

    def run_in_executor(
        self, _executor: Any, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        """At once and here: a thread would end when it likes."""
        done: asyncio.Future[_T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            done.set_exception(error)
        return done

    # --- futures and tasks -----------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, _T] | Generator[Any, None, _T],
        *,
        name: str | None = None,
        context: _Context = None,
        **_: Any,
    ) -> asyncio.Task[_T]:
        if self._is_over:
            coro.close()
            raise RuntimeError("the simulation is over")
        task: asyncio.Task[_T] = asyncio.Task(coro, loop=self, name=name, context=context)
        process = CURRENT.get() if context is None else context.get(CURRENT)
        if process is not None:
            process.tasks.add(task)
            task.add_done_callback(process.tasks.discard)
        return task

    # --- network ---------------------------------------------------------------------------------

    async def create_connection(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        *,
        local_addr: tuple[str, int] = ("127.0.0.1", 0),
        **_: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        assert self.network is not None
        return await self.network.connect(protocol_factory, local_addr[0], host, port)

    async def create_server(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], *, sock: Any, **_: Any
    ) -> Any:
        assert self.network is not None
        return self.network.listen(sock, protocol_factory)

    async def start_tls(
        self,
        transport: asyncio.Transport,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> asyncio.Transport:
        """As asyncio's own loops do it: their TLS works over any transport."""
        secured = self.create_future()
        make: Any = sslproto.SSLProtocol
        tls = make(
            self,
            protocol,
            sslcontext,
            secured,
            server_side,
            server_hostname,
            call_connection_made=False,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        transport.pause_reading()
        transport.set_protocol(tls)
        self.call_soon(tls.connection_made, transport)
        self.call_soon(transport.resume_reading)
        with contextlib.ExitStack() as unless_secured:
            unless_secured.callback(transport.close)
            await secured
            unless_secured.pop_all()
        encrypted: asyncio.Transport = tls._app_transport
        return encrypted

    # --- signals ---------------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        process = CURRENT.get()
        assert process is not None, "signals are for processes"
        process.handlers[sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        process = CURRENT.get()
        return process is not None and process.handlers.pop(sig, None) is not None

    # --- the rest of what a loop is asked --------------------------------------------------------

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self._is_closed

    def get_debug(self) -> bool:
        return False

    @contextlib.contextmanager
    def over(self) -> Iterator[None]:
        """It has ended, and what is left of the dead is cleared away: nothing new begins."""
        self._is_over = True
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(None)

    def close(self) -> None:
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()

    async def shutdown_asyncgens(self) -> None:
        """None is left open by those who are not dead."""

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A callback raised: the run is over."""
        error, process = context.get("exception"), self._running
        is_told_late = "handle" not in context  # of a task, when it is collected as garbage
        if error is None or is_told_late or (process and process.state is State.DEAD):
            return
        self._failures.append(error)
