"""All connections of one lane at one worker: opens them as work comes, backs off when it cannot.

While no connection is open, one goes ahead; the others follow as soon as it has succeeded, so that
a host that is down costs one attempt, not as many as there may be connections. A connection that
cannot be made at one host of the route is made at the next, and a message whose sender a host would
not even hear (421 to MAIL) goes by another; ``mta.hosts`` tells by which.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from mail.outcome import Answer, Broken, Rejected, Stage
from mta.connection_budget import ConnectionBudget
from mta.hosts import Host, Hosts, why_unreachable
from mta.session.cancellation import cut_off
from mta.session.envelope import Envelope
from mta.session.handshake import Connected, SourceUnavailable, Unreachable, connect
from mta.session.hooks import Hooks, Timing
from mta.session.plain import PlainSession
from mta.session.replies import SERVICE_UNAVAILABLE
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from mta.session.traced import Listeners
from world.network import Network

Session = PipelinedSession | PlainSession

_AHEAD_ALWAYS: Final = 2  # messages: one is taken, the next one's commands ride with it


@dataclass(frozen=True, slots=True)
class PoolHooks:
    """What a pool asks of its worker; see ``mta.session.hooks.Hooks`` for the first four and last.

    ``pass_on`` is offered a message that another host may take, and says whether it is accepted:
    then it comes by ``pull`` once more, otherwise it is ``answered``. ``unreachable`` is told that
    no host could be connected to and no connection is open. The pool then takes it that no messages
    wait any more; ``wake`` tells it otherwise, even while it is being told.
    ``connected`` hears the seconds from a connection's first packet until it may be sent on, and
    those of each step of that at the host that took it.
    """

    pull: Callable[[], Envelope | None]
    may_send: Callable[[Envelope], bool]
    answered: Callable[[Envelope, Answer, Timing], None]
    untried: Callable[[Envelope], None]
    unreachable: Callable[[Unreachable], None]
    pass_on: Callable[[Envelope], bool]
    connected: Callable[[float, Mapping[Stage, float]], None] = lambda *_: None
    together: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(slots=True, eq=False)
class _Visit:
    """One session and where it is."""

    host: Host
    task: asyncio.Task[None]
    session: Session | None = None
    has_pulled: bool = False
    is_heard: bool = False


class LanePool:
    """The connections from one source IP to the hosts of one route.

    Its tasks belong to the given group; an exception of a hook ends that group.
    """

    def __init__(
        self,
        hosts: Hosts,
        settings: SessionSettings,
        budget: ConnectionBudget,
        *,
        network: Network,
        hooks: PoolHooks,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Raises ForbiddenDestination if the network admits none of the hosts."""
        hosts.admit(network)
        self._hosts = hosts
        self._settings = settings
        self._budget = budget
        self._network = network
        self._hooks = hooks
        self._task_group = tasks
        self._loop = asyncio.get_running_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._visits: dict[Session, _Visit] = {}
        self._connecting: dict[object, float] = {}  # by task, the loop's time at which it began
        self._backlog = 0
        self._retry: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self._listeners: Listeners | None = None  # None: nobody wants to hear
        self.trouble: Unreachable | None = None  # why the last attempt to connect failed
        self.trouble_since: float | None = None  # the loop's time of the first of them in a row

    @property
    def open_connections(self) -> int:
        """How many sessions there are, those being connected left out."""
        return len(self._visits)

    @property
    def down_until(self) -> float | None:
        """The loop's time until which no connection is tried, or None."""
        return self._hosts.down_until(self._loop.time())

    @property
    def phases(self) -> dict[str, int]:
        """How many connections are in which phase: ``connecting``, ``idle``, ``mail``."""
        found = Counter(session.phase for session in self._visits)
        if self._connecting:
            found["connecting"] = len(self._connecting)
        return dict(found)

    @property
    def longest(self) -> dict[str, float]:
        """By phase the loop's time since when the connection longest in it awaits something."""
        found: dict[str, float] = {}
        if self._connecting:
            found["connecting"] = min(self._connecting.values())
        for session in self._visits:
            phase, since = session.phase, session.awaits_since
            found[phase] = min(since, found.get(phase, since))
        return found

    @property
    def messages_since(self) -> list[float]:
        """The loop's times at which connections took the messages that are in flight."""
        return [since for session in self._visits for since in session.messages_since]

    @property
    def is_awaiting(self) -> bool:
        """Whether a reply or a connection is awaited."""
        return bool(self._connecting) or any(each.phase != "idle" for each in self._visits)

    def wake(self, backlog: int) -> None:
        """``backlog`` messages wait: let idle connections pull, open more as they are needed."""
        self._backlog = backlog
        for session in tuple(self._visits):
            if self._backlog <= 0:
                break
            session.wake()
        self._open_more()

    def let_hear(self, listeners: Listeners | None) -> None:
        """Let somebody hear what is said, on open connections too; None: no more than do."""
        self._listeners = listeners
        if listeners is None:
            return
        for session, visit in self._visits.items():
            if not visit.is_heard:
                visit.is_heard = True
                end = visit.host.endpoints
                session.let_hear(listeners(end.host, end.port))

    async def stop(self, grace_s: float) -> None:
        """Let each session finish what is in flight; after ``grace_s`` seconds, cut it off."""
        self._is_stopping = True
        self._backlog = 0
        if self._retry is not None:
            self._retry.cancel()
        for session in tuple(self._visits):
            session.stop()
        await cut_off(self._connections.difference(each.task for each in self._visits.values()))
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace_s)
        await cut_off(set(self._connections))

    # --- opening connections ---------------------------------------------------------------------

    def _open_more(self) -> None:
        """Open a connection for each waiting message beyond those that open ones will take."""
        if self._is_stopping or self._hosts.choose(self._loop.time()) is None:
            return
        open_now = len(self._connections)
        leaving = sum(not session.takes_messages for session in self._visits)
        wanted = self._backlog - (open_now - leaving)
        if not self._visits:
            wanted = min(wanted, 1 - open_now)
        if wanted <= 0:
            return
        for _ in range(self._budget.take(wanted, self._open_more)):
            task = self._task_group.create_task(self._connection(), name="connection")
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
        task = asyncio.current_task()
        assert task is not None
        began = self._connecting[task] = self._loop.time()
        try:
            found = await self._connect()
        finally:
            del self._connecting[task]
        if found is None:
            return
        host, connected = found
        self._hooks.connected(self._loop.time() - began, connected.took)
        visit = _Visit(host, task, is_heard=connected.listener is not None)
        hooks = Hooks(
            partial(self._pull, visit),
            self._hooks.may_send,
            partial(self._answered, visit),
            self._hooks.untried,
            self._hooks.together,
        )
        make = PipelinedSession if connected.offers.pipelining else PlainSession
        session = visit.session = make(connected, self._settings, hooks)
        self._come_home(host)
        self._visits[session] = visit
        self._open_more()
        try:
            await session.run()
        finally:
            del self._visits[session]
        self._judge(visit, session)

    async def _connect(self) -> tuple[Host, Connected] | None:
        """Connect to the first host that can be; what is then to be done about none is done."""
        tried: list[Host] = []
        failures: list[Unreachable] = []
        while (host := self._hosts.choose(self._loop.time(), tried)) is not None:
            tried.append(host)
            host.is_on_trial = host.failures > 0
            try:
                result = await connect(
                    host.endpoints, self._settings, self._network, self._listeners
                )
            finally:
                host.is_on_trial = False
            if isinstance(result, Connected):
                self.trouble = self.trouble_since = None
                return host, result
            failures.append(result)
            if isinstance(result, SourceUnavailable):
                self._hosts.all_have_failed(self._loop.time())
                break
            host.has_failed(self._loop.time())
            self._retry_later()
        if failures:
            self._fail(why_unreachable(tried, failures), tried)
        return None

    def _fail(self, result: Unreachable, tried: Sequence[Host]) -> None:
        """A connection could not be made; if that leaves us nobody to talk to, say so."""
        self.trouble = result
        if self.trouble_since is None:
            self.trouble_since = self._loop.time()
        self._retry_later()
        if not self._visits and not self._hosts.has_untried(self._loop.time(), tried):
            self._backlog = 0
            self._hooks.unreachable(result)

    def _come_home(self, host: Host) -> None:
        """A host is up (again): what went to less preferred ones in its place ends there."""
        host.failures = 0
        if not any(each.host is host for each in self._visits.values()):
            for session, visit in tuple(self._visits.items()):
                if visit.host.preference > host.preference:
                    session.stop()

    # --- what sessions ask and tell --------------------------------------------------------------

    def _pull(self, visit: _Visit) -> Envelope | None:
        visit.has_pulled = True
        session = visit.session
        ahead = session.in_flight if isinstance(session, PipelinedSession) else 0
        if ahead >= _AHEAD_ALWAYS and ahead * len(self._visits) >= self._backlog:
            return None  # another connection takes it sooner
        envelope = self._hooks.pull()
        self._backlog = 0 if envelope is None else max(0, self._backlog - 1)
        return envelope

    def _answered(self, visit: _Visit, envelope: Envelope, answer: Answer, timing: Timing) -> None:
        if not self._is_stopping and _before_mail(answer):
            now = self._loop.time()
            if visit.session is not None and visit.session.accepted_count == 0:
                visit.host.was_poor(now)
                self._retry_later()
            if self._hosts.has_untried(now, [visit.host]) and self._hooks.pass_on(envelope):
                self._backlog += 1
                self._loop.call_soon(self._rouse)
                return
        self._hooks.answered(envelope, answer, timing)

    def _rouse(self) -> None:
        if not self._is_stopping:
            self.wake(self._backlog)

    def _judge(self, visit: _Visit, session: Session) -> None:
        """A server that hangs up on us before it took anything is as good as down."""
        if session.accepted_count > 0:
            visit.host.poor_sessions = 0
        elif session.ended and not session.ended.is_ours:
            if session.answered_count > 0:
                visit.host.was_poor(self._loop.time())
                self._retry_later()
            elif not visit.has_pulled and not self._is_stopping:  # it never was a session
                visit.host.was_poor(self._loop.time())
                self._fail(Broken(session.ended.reason, Stage.EHLO), [visit.host])

    # --- time ------------------------------------------------------------------------------------

    def _retry_later(self) -> None:
        """Ring when the next host is up again."""
        at = self._hosts.next_up_at(self._loop.time())
        if at is None or self._is_stopping:
            return
        if self._retry is not None:
            self._retry.cancel()
        self._retry = self._loop.call_at(at, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        risen = self._hosts.rise(self._loop.time())
        self._retry_later()
        for host in risen:
            self._make_room(host)
        self._open_more()

    def _make_room(self, host: Host) -> None:
        """Connections to less preferred hosts may be busy for ever: one of them gives way.

        Idle ones all do, so that the next message goes to the preferred host.
        """
        if any(each.host.preference <= host.preference for each in self._visits.values()):
            return
        sessions = [each for each in self._visits if each.takes_messages]
        for session in sessions[:1] if self._backlog > 0 else sessions:
            session.stop()


def _before_mail(answer: Answer) -> bool:
    """Whether the server would not even hear of the message (RFC 5321, 5.1: try the next)."""
    match answer:
        case Rejected(reply, Stage.MAIL):
            return reply.code == SERVICE_UNAVAILABLE
        case Broken(_, Stage.MAIL):
            return True
        case _:
            return False
