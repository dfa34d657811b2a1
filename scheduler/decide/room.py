"""Who may take how much more, counting what was granted earlier in the round.

Rules of this file: a limited lane has one owner at most; a worker holds at most a window of
messages on each lane, though always one part; a lane whose budget is spent takes nothing; whoever
waits for room on a lane is not overtaken there (``close``), or small parts would keep a large one
out for ever.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace

from affinity.configuration import Pace
from affinity.gcra import BUDGET_AHEAD_S
from affinity.lane import LaneKey
from affinity.warmup import Account, account_of, day_of
from scheduler.decide.snapshot import Lane, LaneView, QueuedPart, Rules, Snapshot


@dataclass(slots=True)
class Pool:
    """The workers that can serve an affinity from a source IP; equal pools are one object."""

    members: frozenset[int]
    heap: list[tuple[int, int, int]]  # (messages in hand, messages ever given, worker), lazily


@dataclass(slots=True)
class LaneInUse:
    """A lane during one round."""

    lane: Lane
    tat: float | None
    is_suspended: bool
    most: int | None = None  # messages of a part that go before it is given back; None: all
    owner: int | None = None
    is_contested: bool = False  # several hold it, or one that is gone: wait until they let go
    held: dict[int, int] = field(default_factory=dict)  # messages in hand by worker
    closed_to: set[int] = field(default_factory=set)

    def charge(self, size: int) -> int:
        """What a part of this size counts for here: what will leave before it comes back."""
        return size if self.most is None else min(size, self.most)


class Room:
    """The workers and lanes of one round."""

    def __init__(
        self, snapshot: Snapshot, rules: Rules, pace: Pace, given: Mapping[int, int]
    ) -> None:
        self._rules, self._pace, self._now = rules, pace, snapshot.now
        self._workers = sorted(snapshot.workers, key=lambda worker: worker.worker_id)
        self._views = {view.key: view for view in snapshot.lanes}
        self._held: dict[str, dict[int, int]] = {}
        self._load: dict[int, int] = {}
        for worker in self._workers:
            self._load[worker.worker_id] = sum(worker.in_hand.values())
            for key, messages in worker.in_hand.items():
                if messages > 0:
                    self._held.setdefault(key, {})[worker.worker_id] = messages
        # A new worker is level with the one that was given least, or it would win every tie.
        least = min((given[w] for w in self._load if w in given), default=0)
        self._given = {worker: given.get(worker, least) - least for worker in self._load}
        in_hand = {*self._held, *(view.key for view in snapshot.lanes if view.owner is not None)}
        self._in_hand: dict[str, list[LaneKey]] = {}
        for lane_key in map(LaneKey.parse, sorted(in_hand)):
            self._in_hand.setdefault(lane_key.mx_group, []).append(lane_key)
        self._lanes: dict[str, LaneInUse] = {}
        self._day, self._spent = day_of(snapshot.now), snapshot.spent
        self._quotas: dict[Account, int | None] = {}  # when the round began
        self._left: dict[Account, int] = {}  # of those
        self._pools: dict[tuple[str, str], Pool] = {}
        self._pool_of: dict[tuple[int, ...], Pool] = {}

    @property
    def given(self) -> Mapping[int, int]:
        """Messages given to each live worker, above the least; breaks ties in later rounds."""
        return self._given

    def lane(self, source_ip: str, mx_group: str) -> LaneInUse:
        lane = self._rules.lane(source_ip, mx_group)
        found = self._lanes.get(lane.key)
        if found is None:
            found = self._lanes[lane.key] = self._in_use(lane)
        return found

    def _in_use(self, lane: Lane) -> LaneInUse:
        view = self._views.get(lane.key) or LaneView(lane.key)
        in_use = LaneInUse(lane, view.tat, view.suspended, held=self._held.get(lane.key, {}))
        if lane.rate is not None:
            in_use.most = lane.rate.per_visit(view.tat, self._now)
        if lane.is_limited:
            owners = set(in_use.held) | ({view.owner} if view.owner is not None else set())
            in_use.is_contested = (
                len(owners) > 1
                or not owners <= self._load.keys()
                or self._is_overlapped(LaneKey.parse(lane.key))
            )
            in_use.owner = None if in_use.is_contested else next(iter(owners), None)
        return in_use

    def _is_overlapped(self, key: LaneKey) -> bool:
        """Whether mail is still in hand on a lane that a former configuration cut otherwise.

        Its limits counted other connections: both together could have more than either allows.
        """
        return any(
            (each.source_ip is None) != (key.source_ip is None)
            for each in self._in_hand.get(key.mx_group, ())
        )

    def is_available(self, affinity: str, source_ip: str, lane: LaneInUse) -> bool:
        """Whether mail of this affinity could go this way now or when its turn comes."""
        return not (
            lane.is_suspended
            or lane.is_contested
            or not self._pool(affinity, source_ip).members
            or not self._has_budget(lane)
            or self.portion(affinity, source_ip, lane, 1) == 0
        )

    def _accounts(self, affinity: str, source_ip: str, lane: LaneInUse) -> list[Account]:
        """The quotas that mail of an affinity is within that leaves from here."""
        quotas = self._rules.quotas
        if not quotas:
            return []
        way = (source_ip, lane.lane.mx_group)
        self._look_up(way, lambda: quotas.of(*way, self._day))
        whole = account_of(affinity)
        self._look_up(whole, lambda: quotas.of_affinity(affinity))
        return [each for each in (way, whole) if each in self._left]

    def _look_up(self, account: Account, quota_of: Callable[[], int | None]) -> None:
        """See what of a quota was there when the round began."""
        if account in self._quotas:
            return
        quota = quota_of()
        if quota is not None:
            quota = max(0, quota - self._spent.get(account, 0))
            self._left[account] = quota
        self._quotas[account] = quota

    def portion(self, affinity: str, source_ip: str, lane: LaneInUse, size: int) -> int:
        """How many messages of a part of this size its quotas let go."""
        accounts = self._accounts(affinity, source_ip, lane)
        return min([size, *(self._left[each] for each in accounts)])

    def charge(self, affinity: str, source_ip: str, lane: LaneInUse) -> Callable[[int], int]:
        """What a part counts for that leaves from here; the same for the whole round."""
        accounts = self._accounts(affinity, source_ip, lane)
        quotas = [quota for each in accounts if (quota := self._quotas[each]) is not None]
        if not quotas:
            return lane.charge
        least = min(quotas)
        return lambda size: lane.charge(max(1, min(size, least)))

    def has_way(self, part: QueuedPart) -> bool:
        """Whether a part could go by any of its source IPs now or when its turn comes."""
        return self._rules.has_route(part.mx_group) and any(
            source_ip in part.source_ips
            and self.is_available(part.affinity, source_ip, self.lane(source_ip, part.mx_group))
            for source_ip in self._rules.weights(part.affinity)
        )

    def _has_budget(self, lane: LaneInUse) -> bool:
        rate = lane.lane.rate
        if rate is None:
            return True
        planned = rate.after(lane.tat, self._now, sum(lane.held.values()))
        return rate.earliest(planned) <= self._now + BUDGET_AHEAD_S

    def taker(self, affinity: str, source_ip: str, lane: LaneInUse, size: int) -> int | None:
        """The worker to give ``size`` messages to: a lane's owner, else who has the least in hand.

        None when nobody has room, or when the lane is kept for somebody whose turn was first.
        """
        pool = self._pool(affinity, source_ip)
        if lane.owner is not None:
            is_fit = lane.owner in pool.members and self._fits(lane, lane.owner, size)
            return lane.owner if is_fit else None
        return self._least_loaded(pool, lane, size)

    def _least_loaded(self, pool: Pool, lane: LaneInUse, size: int) -> int | None:
        heap, found = pool.heap, None
        full: list[tuple[int, int, int]] = []
        while heap and found is None:
            worker = heap[0][2]
            entry = (self._load[worker], self._given[worker], worker)
            if heap[0] != entry:
                heapreplace(heap, entry)
            elif self._fits(lane, worker, size):
                found = worker
            else:
                full.append(heappop(heap))
        for entry in full:
            heappush(heap, entry)
        return found

    def _fits(self, lane: LaneInUse, worker: int, size: int) -> bool:
        if worker in lane.closed_to:
            return False
        held = lane.held.get(worker, 0)
        if held == 0:
            return True
        most = self._pace.lane_window
        rate = lane.lane.rate
        if rate is not None:
            most = min(most, rate.room(lane.tat, self._now, self._pace.lease))
        return held + size <= most

    def take(self, affinity: str, source_ip: str, lane: LaneInUse, worker: int, size: int) -> None:
        for account in self._accounts(affinity, source_ip, lane):
            self._left[account] -= size
        lane.held[worker] = lane.held.get(worker, 0) + size
        self._load[worker] += size
        self._given[worker] += size
        if lane.lane.is_limited:
            assert lane.owner in (None, worker), "a limited lane has one owner"
            lane.owner = worker

    def is_held(self, lane_key: str) -> bool:
        """Whether any worker has messages of this lane in hand."""
        found = self._lanes.get(lane_key)
        return bool(self._held.get(lane_key) if found is None else found.held)

    def close(self, affinity: str, source_ip: str, lane: LaneInUse) -> None:
        """Keep the lane for the one whose turn it is: for the rest of the round nobody overtakes.

        A limited lane takes nothing more at all, so that it runs dry and can change hands; on an
        unlimited one only the workers that the waiting one could use are kept.
        """
        members = self._load if lane.lane.is_limited else self._pool(affinity, source_ip).members
        lane.closed_to.update(members)

    def _pool(self, affinity: str, source_ip: str) -> Pool:
        pool = self._pools.get((affinity, source_ip))
        if pool is None:
            members = tuple(
                worker.worker_id
                for worker in self._workers
                if affinity in worker.affinities and source_ip not in worker.unbindable
            )
            pool = self._pool_of.get(members)
            if pool is None:
                heap = [(self._load[w], self._given[w], w) for w in members]
                heapify(heap)
                pool = self._pool_of[members] = Pool(frozenset(members), heap)
            self._pools[affinity, source_ip] = pool
        return pool
