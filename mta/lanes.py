"""The lanes at one worker: for each source IP and MX group a queue and a pool of connections.

A changed configuration closes the lanes whose way it changes and leaves the others alone.

Queues of a shared lane share one limiter and one budget of connections. Where connections are
limited, a worker stays the lane's owner (it keeps its last part) until all of them are closed:
the next owner could otherwise open more than the limit allows.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from affinity.lane import LaneKey, Limits, lane_of
from mail.cause import Cause
from mail.outcome import Answer, Broken, Rejected, Stage
from mta.attempts import Attempts
from mta.connection_budget import ConnectionBudget
from mta.held import HeldMessage
from mta.hosts import Host, Hosts
from mta.lane_queue import Hooks, LaneQueue, Limiter
from mta.measures import Count, Doing, Measures, Timed
from mta.pool import LanePool, PoolHooks
from mta.session.envelope import Envelope
from mta.session.handshake import Endpoints, SourceUnavailable, Unreachable
from mta.session.hooks import Timing
from mta.session.settings import SessionSettings
from mta.session.traced import Listener, Listeners
from mta.settings import Destination, MtaSettings
from mta.trace.tracer import Tracer
from store.leases import LeasedPart
from store.reports import SLOW_AFTER_S, LaneReport, Phase, Trouble
from world.chance import Chance
from world.clock import Clock
from world.crash import reach
from world.network import ForbiddenDestination, Network

IDLE_S: Final = 5.0  # the modelled system's idleSessionTimeoutSec
IDLE_LIMITED_S: Final = 0.1
STOP_GRACE_S: Final = 10.0  # for what is in flight when the worker is told to stop


@dataclass(frozen=True, slots=True)
class _Way:
    """All that makes a pool what it is; a changed configuration makes another."""

    lane: str
    source_ip: str
    helo: str
    destination: Destination
    limits: Limits
    network: Network  # at whose word the destination is admitted

    @property
    def ends(self) -> tuple[str, str, Destination]:
        return self.source_ip, self.helo, self.destination

    @property
    def session(self) -> SessionSettings:
        limits = self.limits
        return SessionSettings(
            tls=limits.tls,
            tls_ca=self.destination.tls_ca,
            credentials=self.destination.credentials,
            messages_max=limits.max_messages_per_connection,
            connect_timeout=limits.connect_timeout,
            greeting_timeout=limits.greeting_timeout,
            data_timeout=limits.data_timeout,
            # Whoever owns a lane with a limit on connections lets go of them soon: see Lanes.
            idle_timeout=IDLE_S if limits.max_connections is None else IDLE_LIMITED_S,
        )

    def hosts(self) -> list[Host]:
        """Its hosts of the source IP's kind (IPv4 or IPv6); all, to fail, if it has none."""
        every = [
            Host(
                Endpoints(self.source_ip, each.address, each.port, self.helo, each.name),
                each.preference,
            )
            for each in self.destination.hosts
        ]
        fit = [each for each in every if (":" in each.endpoints.host) == (":" in self.source_ip)]
        return fit or every


@dataclass(slots=True)
class _Lane:
    way: _Way
    affinity: str  # whose source IP it is; the same address may be in several
    mx_group: str
    queue: LaneQueue
    pool: LanePool | None = None  # None: the destination is not allowed


class Lanes:
    """Queues and pools by (source IP, MX group)."""

    def __init__(
        self,
        clock: Clock,
        settings: MtaSettings,
        hooks: Hooks,
        attempts: Attempts,
        chance: Chance,
        tasks: asyncio.TaskGroup,
        measures: Measures | None = None,
    ) -> None:
        self._measures = measures or Measures()
        self._tally = self._measures.tally
        self._clock, self._chance = clock, chance
        self._settings, self._hooks, self._attempts = settings, hooks, attempts
        self._tasks = tasks
        self._lanes: dict[tuple[str, str, Destination, str], _Lane] = {}
        self._limiters: dict[str, Limiter] = {}
        self._budgets: dict[str, ConnectionBudget] = {}
        self._tracer: Tracer | None = None  # None: nothing is to be recorded
        self._closing: set[LanePool] = set()  # of lanes that a changed configuration closed
        self._limited: set[str] = set()  # lanes whose connections a rule limits

    def queue(self, lease: LeasedPart) -> LaneQueue | None:
        """The queue for a part, or None when its way does not exist (any more)."""
        way = self._way(lease.affinity, lease.source_ip, lease.mx_group)
        if way is None or way.lane != lease.lane:
            return None  # or the rules cut the lanes otherwise now
        key = (*way.ends, lease.mx_group)
        found = self._lanes.get(key)
        if found is None:
            found = self._lanes[key] = self._open(way, lease.affinity, lease.mx_group)
        limiter = self._limiters.get(way.lane)
        if limiter is not None and lease.tat is not None:
            # Another worker may have owned the lane since; a TAT only ever grows.
            limiter.tat = lease.tat if limiter.tat is None else max(limiter.tat, lease.tat)
        return found.queue

    def _way(self, affinity: str, source_ip: str, mx_group: str) -> _Way | None:
        settings = self._settings
        destination = settings.destination_for(mx_group)
        source = settings.source_ip(affinity, source_ip)
        if destination is None or source is None:
            return None
        limits = settings.limits_for(mx_group)
        lane = str(lane_of(source_ip, mx_group, limits))
        return _Way(lane, source.address, source.helo, destination, limits, settings.network)

    def _open(self, way: _Way, affinity: str, mx_group: str) -> _Lane:
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
        lane = _Lane(way, affinity, mx_group, queue)
        budget = self._budgets.setdefault(way.lane, ConnectionBudget(0))
        budget.most = self._most(limits)
        if limits.max_connections is not None:
            self._limited.add(way.lane)
        hooks = PoolHooks(
            pull=lambda: self._pull(queue),
            may_send=self._may_send_body,
            answered=self._answered,
            untried=self._untried,
            unreachable=lambda why: self._unreachable(lane, why),
            pass_on=lambda envelope: self._pass_on(lane, envelope),
            connected=self._connected,
            together=self._attempts.together,
        )
        try:
            lane.pool = LanePool(
                Hosts(way.hosts(), self._chance),
                way.session,
                budget,
                network=way.network,
                hooks=hooks,
                tasks=self._tasks,
            )
        except ForbiddenDestination:
            lane.pool = None
        else:
            lane.pool.let_hear(self._listeners(lane))
        return lane

    def trace(self, tracer: Tracer | None) -> None:
        """Record what it wants of what is said, on open connections too; None: nothing more."""
        self._tracer = tracer
        for lane in self._lanes.values():
            if lane.pool is not None:
                lane.pool.let_hear(self._listeners(lane))

    def _listeners(self, lane: _Lane) -> Listeners | None:
        tracer = self._tracer
        if tracer is None:
            return None
        way, queue = lane.way, lane.queue

        def listener(host: str, port: int) -> Listener:
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return tracer.connection(way.lane, place, way.destination.credentials, queue.holds)

        return listener

    def reconfigure(self, settings: MtaSettings) -> None:
        """Close the lanes whose way changed; what waits there is given back."""
        self._settings = settings
        # A connection that was opened without a limit counts against one that holds from now on.
        for key in self._budgets:
            if settings.limits_for(LaneKey.parse(key).mx_group).max_connections is not None:
                self._limited.add(key)
        kept: list[_Lane] = []
        changed: list[_Lane] = []
        for lane in self._lanes.values():
            way = self._way(lane.affinity, lane.way.source_ip, lane.mx_group)
            (kept if way == lane.way else changed).append(lane)
        self._lanes = {(*each.way.ends, each.mx_group): each for each in kept}
        for lane in kept:
            self._budgets[lane.way.lane].most = self._most(lane.way.limits)
        for lane in changed:
            self._close(lane)

    def _most(self, limits: Limits) -> int:
        return limits.max_connections or self._settings.connections

    def _close(self, lane: _Lane) -> None:
        """Give back what waits; what is in flight has all the time that its receiver may take."""
        for held in lane.queue.drain(lambda _: True):
            self._hooks.give_back(held)
        lane.queue.close()
        pool = lane.pool
        if pool is not None:
            self._closing.add(pool)
            grace_s = lane.way.limits.data_timeout
            task = self._tasks.create_task(pool.stop(grace_s), name="close lane")
            task.add_done_callback(lambda _: self._closing.discard(pool))

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

    def doing(self) -> Doing:
        """What all lanes together wait for."""
        lanes = self._lanes.values()
        if any(lane.pool is not None and lane.pool.is_awaiting for lane in lanes):
            return Doing.REPLIES
        return Doing.THROTTLE if any(len(lane.queue) for lane in lanes) else Doing.IDLE

    def reports(self, worker_id: int) -> list[LaneReport]:
        """What is done on each lane now, for those who ask why mail waits."""
        return [self._report(worker_id, lane) for lane in self._lanes.values()]

    def _report(self, worker_id: int, lane: _Lane) -> LaneReport:
        way, pool, budget = lane.way, lane.pool, self._budgets[lane.way.lane]
        limiter = self._limiters.get(way.lane)
        report = LaneReport(
            worker_id,
            way.lane,
            way.source_ip,
            waiting=len(lane.queue),
            taken=budget.taken,
            allowed=budget.most,
            tat=None if limiter is None or way.limits.rate is None else limiter.tat,
        )
        if pool is None:
            return report
        now, wall = asyncio.get_running_loop().time(), self._clock.now()

        def at(moment: float) -> float:
            # Rounded, so that what stands still is not told anew at each beat.
            return round(wall - (now - moment), 1)

        since, longest, down = pool.messages_since, pool.longest, pool.down_until
        return replace(
            report,
            in_flight=len(since),
            slow=sum(now - each > SLOW_AFTER_S for each in since),
            phases={
                str(name): Phase(connections, at(longest[name]))
                for name, connections in sorted(pool.phases.items())
            },
            down_until=None if down is None else at(down),
            trouble=self._trouble(pool, at),
        )

    def _trouble(self, pool: LanePool, at: Callable[[float], float]) -> Trouble | None:
        why, since = pool.trouble, pool.trouble_since
        if why is None or since is None:
            return None
        match why:
            case SourceUnavailable(source_ip, error):
                text = f"cannot send from {source_ip}: {error.strerror or error}"
                return Trouble(text, str(Stage.CONNECT), Cause.SOURCE_IP_UNAVAILABLE, at(since))
            case Rejected(reply, stage):
                return Trouble(str(reply), str(stage), self._attempts.waits_for(why), at(since))
            case Broken(text, stage):
                return Trouble(text, str(stage), self._attempts.waits_for(why), at(since))

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
        await asyncio.gather(*(pool.stop(STOP_GRACE_S) for pool in (*pools, *self._closing)))

    def _may_send_body(self, envelope: Envelope) -> bool:
        reach("worker.before_body")
        return self._hooks.may_send(envelope.token)

    def _pull(self, queue: LaneQueue) -> Envelope | None:
        envelope = queue.pull()
        self._tally.counts[Count.PULLS] += 1
        if envelope is None:
            self._tally.counts[Count.PULLS_IN_VAIN] += 1
        return envelope

    # --- what pools tell -------------------------------------------------------------------------

    def _answered(self, envelope: Envelope, answer: Answer, timing: Timing) -> None:
        self._tally.times[Timed.MESSAGE].add(timing.duration_s)
        self._attempts.answered(
            envelope.token,
            answer,
            duration_s=timing.duration_s,
            size_bytes=len(envelope.content),
        )

    def _connected(self, seconds: float, steps: Mapping[Stage, float]) -> None:
        for stage, each in steps.items():
            self._tally.times[stage].add(each)
        if self._measures.is_detailed:
            self._measures.connects_s.append(seconds)

    def _untried(self, envelope: Envelope) -> None:
        self._hooks.give_back(envelope.token)

    def _pass_on(self, lane: _Lane, envelope: Envelope) -> bool:
        """Another host may take it; once for each host there is, then it has had its attempt."""
        held: HeldMessage = envelope.token
        if held.passed_on >= len(lane.way.destination.hosts):
            return False
        return lane.queue.put_back(held._replace(passed_on=held.passed_on + 1))

    def _unreachable(self, lane: _Lane, why: Unreachable) -> None:
        """Nobody is there: what waits has had its attempt. A fault at our end is no attempt."""
        for held in lane.queue.drain(lambda _: True):
            if isinstance(why, SourceUnavailable):
                self._hooks.give_back(held)
            else:
                self._attempts.answered(held, why)

    def _forbidden(self, lane: _Lane) -> None:
        """Nothing may be sent there: it waits, as the scheduler will know when it has read why."""
        for held in lane.queue.drain(lambda _: True):
            self._hooks.give_back(held)
