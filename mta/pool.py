"""All connections of one lane at one worker: opens them as work comes, backs off when it cannot.

While no connection is open, one goes ahead; the others follow as soon as it has succeeded, so that
a host that is down costs one attempt, not as many as there may be connections.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mail.outcome import Answer
from mta.session.envelope import Envelope
from mta.session.handshake import Connected, Endpoints, Unreachable, connect
from mta.session.hooks import Hooks, Timing
from mta.session.plain import PlainSession
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from world.network import Network

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 60.0
CUT_AGAIN_S: Final = 0.05

Session = PipelinedSession | PlainSession


@dataclass(frozen=True, slots=True)
class PoolHooks:
    """What a pool asks of its worker; see ``mta.session.hooks.Hooks`` for the first four.

    ``unreachable`` is told that no connection could be made and none is open. The pool then takes
    it that no messages wait any more; ``wake`` tells it otherwise, even while it is being told.
    """

    pull: Callable[[], Envelope | None]
    may_send: Callable[[Envelope], bool]
    answered: Callable[[Envelope, Answer, Timing], None]
    untried: Callable[[Envelope], None]
    unreachable: Callable[[Unreachable], None]


class ConnectionBudget:
    """How many connections there may be at once; the pools of a shared lane share one.

    What one pool gives back goes first to those that wait, in the order in which they came. A pool
    keeps a connection as long as it has messages for it: nothing is taken away.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._waiting: dict[Callable[[], None], None] = {}  # ordered

    @property
    def taken(self) -> int:
        """How many connections there are, from the first packet to the last."""
        return self._taken

    def take(self, wanted: int, tell: Callable[[], None]) -> int:
        """Take as many as there are; ``tell`` is called, once, when there may be more."""
        granted = max(0, min(wanted, self.most - self._taken))
        self._taken += granted
        if granted < wanted:
            self._waiting[tell] = None
        return granted

    def give_back(self) -> None:
        """One connection is closed."""
        self._taken -= 1
        assert self._taken >= 0, "a connection was given back twice"
        waiting, self._waiting = self._waiting, {}
        for tell in waiting:
            tell()


class LanePool:
    """The connections from one source IP to one destination.

    Its tasks belong to the given group; an exception of a hook ends that group.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        settings: SessionSettings,
        budget: ConnectionBudget,
        *,
        network: Network,
        hooks: PoolHooks,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Raises ForbiddenDestination if the network does not admit the destination."""
        network.admit(endpoints.host)
        self.endpoints = endpoints
        self._settings = settings
        self._budget = budget
        self._network = network
        self._hooks = hooks
        self._session_hooks = Hooks(self._pull, hooks.may_send, hooks.answered, hooks.untried)
        self._task_group = tasks
        self._loop = asyncio.get_running_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._connecting = 0
        self._backlog = 0
        self._failures = 0  # to connect, one after the other
        self._poor_sessions = 0  # that the server ended before it took any message, likewise
        self._down_until = 0.0
        self._retry: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self.trouble: Unreachable | None = None  # why the last attempt to connect failed

    @property
    def open_connections(self) -> int:
        """How many sessions there are, those being connected left out."""
        return len(self._sessions)

    @property
    def down_until(self) -> float | None:
        """The loop's time until which no connection is tried, or None."""
        return self._down_until if self._down_until > self._loop.time() else None

    @property
    def phases(self) -> dict[str, int]:
        """How many connections are in which phase: ``connecting``, ``idle``, ``mail``."""
        found = Counter(session.phase for session in self._sessions)
        if self._connecting:
            found["connecting"] = self._connecting
        return dict(found)

    def wake(self, backlog: int) -> None:
        """``backlog`` messages wait: let idle connections pull, open more as they are needed."""
        self._backlog = backlog
        for session in tuple(self._sessions):
            if self._backlog <= 0:
                break
            session.wake()
        self._open_more()

    async def stop(self, grace_s: float) -> None:
        """Let each session finish what is in flight; after ``grace_s`` seconds, cut it off."""
        self._is_stopping = True
        self._backlog = 0
        if self._retry is not None:
            self._retry.cancel()
        for session in tuple(self._sessions):
            session.stop()
        await _cut(self._connections.difference(self._sessions.values()))
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace_s)
        await _cut(set(self._connections))

    def _pull(self) -> Envelope | None:
        envelope = self._hooks.pull()
        self._backlog = 0 if envelope is None else max(0, self._backlog - 1)
        return envelope

    def _open_more(self) -> None:
        """Open a connection for each waiting message beyond those that open ones will take."""
        if self._is_stopping or self._down_until > self._loop.time():
            return
        open_now = len(self._connections)
        leaving = sum(not session.takes_messages for session in self._sessions)
        wanted = self._backlog - (open_now - leaving)
        if not self._sessions:
            wanted = min(wanted, 1 - open_now)
        if wanted <= 0:
            return
        for _ in range(self._budget.take(wanted, self._open_more)):
            task = self._task_group.create_task(
                self._connection(), name=f"{self.endpoints.source_ip} to {self.endpoints.host}"
            )
            self._connections.add(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        is_unexpected = task.cancelled() or task.exception() is not None
        if is_unexpected and not self._is_stopping:
            self._is_stopping = True  # its group is going down, and takes no more tasks
            return
        self._budget.give_back()
        self._open_more()

    async def _connection(self) -> None:
        """One connection from its first packet to its last."""
        self._connecting += 1
        try:
            result = await connect(self.endpoints, self._settings, self._network)
        finally:
            self._connecting -= 1
        if not isinstance(result, Connected):
            self._fail(result)
            return
        self._failures = 0
        self.trouble = None
        make = PipelinedSession if result.offers.pipelining else PlainSession
        session = make(result, self._settings, self._session_hooks)
        task = asyncio.current_task()
        assert task is not None
        self._sessions[session] = task
        self._open_more()
        try:
            await session.run()
        finally:
            del self._sessions[session]
        self._judge(session)

    def _fail(self, result: Unreachable) -> None:
        self.trouble = result
        self._failures = self._back_off(self._failures)
        if not self._sessions:
            self._backlog = 0
            self._hooks.unreachable(result)

    def _judge(self, session: Session) -> None:
        """A server that hangs up on us before it took anything is as good as down."""
        if session.accepted_count > 0:
            self._poor_sessions = 0
        elif session.answered_count > 0 and session.ended and not session.ended.is_ours:
            self._poor_sessions = self._back_off(self._poor_sessions)

    def _back_off(self, times_before: int) -> int:
        """Try no connection for a while; connections that fail together count once."""
        now = self._loop.time()
        if self._down_until > now:
            return times_before
        delay = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**times_before)
        self._down_until = now + delay
        self._retry = self._loop.call_later(delay, self._try_again)
        return times_before + 1

    def _try_again(self) -> None:
        self._down_until = 0.0  # a timer may ring a little before its time by the loop's clock
        self._open_more()


async def _cut(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until it is heeded: ``mta.session.cancellation`` says why once may not do."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CUT_AGAIN_S)
