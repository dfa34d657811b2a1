"""The lanes at one worker: for each source IP and MX group a queue and a pool of connections.

Queues of a shared lane share one limiter and one budget of connections. Where connections are
limited, a worker stays the lane's owner (it keeps its last part) until all of them are closed:
the next owner could otherwise open more than the limit allows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from affinity.lane import LaneKey, Limits
from mail.outcome import Answer, Broken, Stage
from mta.attempts import Attempts
from mta.held import HeldMessage
from mta.lane_queue import Hooks, LaneQueue, Limiter
from mta.pool import ConnectionBudget, LanePool, PoolHooks
from mta.session.envelope import Envelope
from mta.session.handshake import Endpoints, SourceUnavailable, Unreachable
from mta.session.hooks import Timing
from mta.session.settings import SessionSettings
from mta.settings import MtaSettings
from store.leases import LeasedPart
from world.clock import Clock
from world.network import ForbiddenDestination, Network

IDLE_S: Final = 5.0  # the modelled system's idleSessionTimeoutSec
IDLE_LIMITED_S: Final = 0.1
STOP_GRACE_S: Final = 10.0  # for what is in flight when the worker is told to stop


@dataclass(frozen=True, slots=True)
class _Way:
    """All that makes a pool what it is; a changed configuration makes another."""

    lane: str
    endpoints: Endpoints
    limits: Limits

    @property
    def session(self) -> SessionSettings:
        limits = self.limits
        return SessionSettings(
            tls=limits.tls,
            messages_max=limits.max_messages_per_connection,
            connect_timeout=limits.connect_timeout,
            greeting_timeout=limits.greeting_timeout,
            data_timeout=limits.data_timeout,
            # Whoever owns a lane with a limit on connections lets go of them soon: see Lanes.
            idle_timeout=IDLE_S if limits.max_connections is None else IDLE_LIMITED_S,
        )


@dataclass(slots=True)
class _Lane:
    way: _Way
    queue: LaneQueue
    pool: LanePool | None = None  # None: the destination is not allowed


class Lanes:
    """Queues and pools by (source IP, MX group)."""

    def __init__(
        self,
        clock: Clock,
        network: Network,
        settings: MtaSettings,
        hooks: Hooks,
        attempts: Attempts,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._clock, self._network = clock, network
        self._settings, self._hooks, self._attempts = settings, hooks, attempts
        self._tasks = tasks
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._limiters: dict[str, Limiter] = {}
        self._budgets: dict[str, ConnectionBudget] = {}
        self._closing: set[asyncio.Task[None]] = set()  # pools of lanes that a reload closes
        self._limited: set[str] = set()  # lanes whose connections a rule limits

    def queue(self, lease: LeasedPart) -> LaneQueue | None:
        """The queue for a part, or None when its way does not exist (any more)."""
        way = self._way(lease)
        if way is None:
            return None
        key = (lease.source_ip, lease.mx_group)
        found = self._lanes.get(key)
        if found is None:
            found = self._lanes[key] = self._open(way)
        limiter = self._limiters.get(way.lane)
        if limiter is not None and lease.tat is not None:
            # Another worker may have owned the lane since; a TAT only ever grows.
            limiter.tat = lease.tat if limiter.tat is None else max(limiter.tat, lease.tat)
        return found.queue

    def _way(self, lease: LeasedPart) -> _Way | None:
        endpoint = self._settings.endpoint_for(lease.mx_group)
        source = self._settings.source_ip(lease.affinity, lease.source_ip)
        if endpoint is None or source is None:
            return None
        host, port = endpoint
        ends = Endpoints(source.address, host, port, source.helo)
        return _Way(lease.lane, ends, self._settings.limits_for(lease.mx_group))

    def _open(self, way: _Way) -> _Lane:
        limits = way.limits
        # Limiters and budgets outlive a changed configuration: what was used stays used.
        limiter = self._limiters.get(way.lane)
        if limits.rate is None:
            limiter = None
        elif limiter is None:
            limiter = self._limiters[way.lane] = Limiter(limits.rate, None)
        else:
            limiter.rate = limits.rate
        queue = LaneQueue(way.lane, self._clock, limiter, self._hooks, self.wake)
        lane = _Lane(way, queue)
        most = limits.max_connections or self._settings.connections
        budget = self._budgets.setdefault(way.lane, ConnectionBudget(most))
        budget.most = most
        if limits.max_connections is not None:
            self._limited.add(way.lane)
        hooks = PoolHooks(
            pull=queue.pull,
            answered=self._answered,
            untried=self._untried,
            unreachable=lambda why: self._unreachable(lane, why),
        )
        try:
            lane.pool = LanePool(
                way.endpoints,
                way.session,
                budget,
                network=self._network,
                hooks=hooks,
                tasks=self._tasks,
            )
        except ForbiddenDestination:
            lane.pool = None
        return lane

    def reconfigure(self, settings: MtaSettings) -> None:
        """Close the lanes whose way changed; what waits there is given back."""
        self._settings = settings
        # A connection that was opened without a limit counts against one that holds from now on.
        for key in self._budgets:
            if settings.limits_for(LaneKey.parse(key).mx_group).max_connections is not None:
                self._limited.add(key)
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            for held in lane.queue.drain(lambda _: True):
                self._hooks.give_back(held)
            lane.queue.close()
            if lane.pool is not None:
                task = self._tasks.create_task(lane.pool.stop(STOP_GRACE_S), name="close lane")
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def is_quiet(self, lane: str) -> bool:
        """Whether another worker may own the lane: no connection that its limit counts is open."""
        budget = self._budgets.get(lane)
        return budget is None or lane not in self._limited or budget.taken == 0

    def wake(self) -> None:
        """Let connections pull, and open more, wherever something may go now."""
        for lane in list(self._lanes.values()):
            if lane.pool is not None:
                lane.pool.wake(lane.queue.sendable())
            else:
                self._forbidden(lane)

    def drain(self, unwanted: Callable[[HeldMessage], bool]) -> list[HeldMessage]:
        """Take out the waiting messages that are unwanted."""
        return [each for lane in self._lanes.values() for each in lane.queue.drain(unwanted)]

    def drain_slow(self, longest_s: float) -> list[HeldMessage]:
        """Take out what waits on lanes whose limiter lets nothing go for longer than this."""
        slow = (each.queue for each in self._lanes.values() if each.queue.wait_s() > longest_s)
        return [held for queue in slow for held in queue.drain(lambda _: True)]

    async def stop(self) -> None:
        """Finish what is in flight on every connection."""
        pools = [lane.pool for lane in self._lanes.values() if lane.pool is not None]
        for lane in self._lanes.values():
            lane.queue.close()
        # What a reload is still closing has answers to come too: the outbox must not end before.
        await asyncio.gather(*(pool.stop(STOP_GRACE_S) for pool in pools), *self._closing)

    # --- what pools tell -------------------------------------------------------------------------

    def _answered(self, envelope: Envelope, answer: Answer, timing: Timing) -> None:
        self._attempts.answered(
            envelope.token,
            answer,
            duration_s=timing.duration_s,
            size_bytes=len(envelope.content),
        )

    def _untried(self, envelope: Envelope) -> None:
        self._hooks.give_back(envelope.token)

    def _unreachable(self, lane: _Lane, why: Unreachable) -> None:
        """Nobody is there: what waits has had its attempt. A fault at our end is no attempt."""
        for held in lane.queue.drain(lambda _: True):
            if isinstance(why, SourceUnavailable):
                self._hooks.give_back(held)
            else:
                self._attempts.answered(held, why)

    def _forbidden(self, lane: _Lane) -> None:
        host = lane.way.endpoints.host
        why = Broken(f"{host} is outside this machine and not in allow_networks", Stage.CONNECT)
        for held in lane.queue.drain(lambda _: True):
            self._attempts.answered(held, why)
