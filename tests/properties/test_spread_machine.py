"""A stateful model of many rounds: everything around the scheduler changes, its promises hold."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from affinity.configuration import Affinity, Configuration, MxRule, Pace, Route, SourceIp
from affinity.route import Routes
from scheduler.decide.snapshot import LaneView, LiveWorker, QueuedPart, Rules, Snapshot
from scheduler.decide.spread import Memory, spread

IPS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
GROUPS = ("free", "few", "slow")
SERVED = ("red",), ("blue",), ("red", "blue")
PACE = Pace(lane_window=48)

weights = st.dictionaries(st.sampled_from(IPS), st.sampled_from([0.0, 1.0, 3.0]), min_size=1)
limits = st.sets(st.sampled_from(GROUPS[1:]))
admitted = st.sampled_from([(), IPS[:1], IPS[1:], IPS])


class Scheduling(RuleBasedStateMachine):
    """Deliveries arrive, parts finish, workers come and go, configuration and lanes change."""

    @initialize(red=weights, blue=weights)
    def start(self, red, blue):
        self.weights = {"red": red, "blue": blue}
        self.limited = {"few", "slow"}
        self.configure()
        self.workers, self.queued, self.leases = {}, {}, {}  # leases: part → (grant, size)
        self.suspended, self.tats = set(), {}
        self.memory, self.now, self.last_id = Memory(), 1000.0, 0
        self.seen, self.finished = 0, 0

    def configure(self):
        configuration = Configuration(
            affinity={
                name: Affinity(ip=tuple(SourceIp(address=ip, weight=w) for ip, w in ips.items()))
                for name, ips in self.weights.items()
            },
            route={name: Route(domains=(name,), host="127.0.0.1:2525") for name in GROUPS},
            mx_rule=tuple(
                MxRule(mask="mx.few.test", max_connections=2)
                if name == "few"
                else MxRule(mask="mx.slow.test", messages_per_hour=3600)
                for name in sorted(self.limited)
            ),
        )
        self.rules_now = Rules(configuration, Routes(configuration.route))

    def number(self):
        self.last_id += 1
        return self.last_id

    @rule(
        affinity=st.sampled_from(["red", "blue", "unknown"]),
        group=st.sampled_from([*GROUPS, "nowhere"]),
        ips=admitted,
        sizes=st.lists(st.sampled_from([1, 8, 40, 60]), min_size=1, max_size=12),
        priority=st.sampled_from([0, 0, 1]),
    )
    def a_delivery_arrives(self, affinity, group, ips, sizes, priority):
        delivery = self.number()
        for size in sizes:
            part = self.number()
            self.queued[part] = QueuedPart(part, delivery, affinity, group, ips, size, priority)
            self.seen += 1

    @rule(serves=st.sampled_from(SERVED), unbindable=st.sampled_from([(), IPS[:1]]))
    def a_worker_comes(self, serves, unbindable):
        self.workers[self.number()] = (frozenset(serves), frozenset(unbindable))

    @rule(which=st.integers(0, 100), is_silent=st.booleans())
    def a_worker_goes(self, which, is_silent):
        if not self.workers:
            return
        gone = sorted(self.workers)[which % len(self.workers)]
        del self.workers[gone]
        if not is_silent:  # a silent one keeps its leases until they are reclaimed
            self.give_back(gone)

    @rule()
    def stale_leases_are_reclaimed(self):
        for gone in {grant.worker_id for grant, _ in self.leases.values()} - set(self.workers):
            self.give_back(gone)

    def give_back(self, worker):
        for part, (grant, original) in list(self.leases.items()):
            if grant.worker_id == worker:
                del self.leases[part]
                self.queued[part] = original

    @rule(numbers=st.lists(st.integers(0, 1000), max_size=10))
    def parts_finish(self, numbers):
        for number in numbers:
            if self.leases:
                part = sorted(self.leases)[number % len(self.leases)]
                grant, original = self.leases.pop(part)
                self.finished += 1
                rate = self.rules_now.lane(grant.source_ip, grant.mx_group).rate
                if rate is not None:
                    tat = self.tats.get(grant.lane_key)
                    self.tats[grant.lane_key] = rate.after(tat, self.now, original.size)

    @rule(affinity=st.sampled_from(["red", "blue"]), ips=weights)
    def an_affinity_changes(self, affinity, ips):
        self.weights[affinity] = ips
        self.configure()

    @rule(limited=limits)
    def the_limits_change(self, limited):
        self.limited = limited
        self.configure()

    @rule(ip=st.sampled_from(IPS), group=st.sampled_from(GROUPS))
    def a_lane_is_suspended_or_resumed(self, ip, group):
        self.suspended ^= {self.rules_now.lane(ip, group).key}

    @rule(seconds=st.sampled_from([0.05, 1.0, 20.0, 300.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def the_scheduler_restarts(self):
        self.memory = Memory()

    def snapshot(self):
        hands = {worker: Counter() for worker in self.workers}
        owners = {}
        for grant, part in self.leases.values():
            owners.setdefault(grant.lane_key, grant.worker_id)
            if grant.worker_id in hands:
                hands[grant.worker_id][grant.lane_key] += part.size
        keys = {self.rules_now.lane(ip, group).key for ip in IPS for group in GROUPS}
        return Snapshot(
            self.now,
            tuple(self.queued[part] for part in sorted(self.queued)),
            tuple(
                LiveWorker(worker, "mta", serves, unbindable, hands[worker])
                for worker, (serves, unbindable) in self.workers.items()
            ),
            tuple(
                LaneView(key, owners.get(key), self.tats.get(key), key in self.suspended)
                for key in sorted(keys)
            ),
        )

    @rule(rounds=st.integers(1, 3))
    def the_scheduler_works(self, rounds):
        for _ in range(rounds):
            snapshot = self.snapshot()
            grants, self.memory = spread(snapshot, self.rules_now, PACE, self.memory)
            for grant in grants:
                self.check_grant(grant)
            self.check_windows(snapshot, grants)

    def check_grant(self, grant):
        part = self.queued.pop(grant.part_id)  # raises if it was granted twice
        serves, unbindable = self.workers[grant.worker_id]
        assert part.affinity in serves
        assert grant.source_ip not in unbindable
        assert grant.source_ip in part.source_ips
        assert self.weights[part.affinity][grant.source_ip] > 0
        assert grant.lane_key not in self.suspended
        lane = self.rules_now.lane(grant.source_ip, grant.mx_group)
        if lane.is_limited:
            holders = {
                held.worker_id for held, _ in self.leases.values() if held.lane_key == lane.key
            }
            assert holders <= {grant.worker_id}
        self.leases[grant.part_id] = (grant, part)

    def check_windows(self, snapshot, grants):
        before = {worker.worker_id: worker.in_hand for worker in snapshot.workers}
        parts = Counter((grant.worker_id, grant.lane_key) for grant in grants)
        for (worker, lane_key), count in parts.items():
            held = sum(
                part.size
                for grant, part in self.leases.values()
                if (grant.worker_id, grant.lane_key) == (worker, lane_key)
            )
            is_one_part = count == 1 and not before[worker].get(lane_key)
            assert is_one_part or held <= PACE.lane_window

    @invariant()
    def nothing_is_lost(self):
        assert len(self.queued) + len(self.leases) + self.finished == self.seen

    @invariant()
    def a_round_leaves_no_part_that_only_idle_lanes_could_take(self):
        grants, _ = spread(self.snapshot(), self.rules_now, PACE, self.memory)
        taken = {grant.part_id for grant in grants}
        held = {grant.lane_key for grant, _ in self.leases.values()}
        held |= {grant.lane_key for grant in grants}
        for part in self.queued.values():
            if part.part_id not in taken and part.mx_group in ("free", "few"):
                ways = {self.rules_now.lane(ip, part.mx_group).key for ip in self.ips_for(part)}
                usable = ways - self.suspended
                assert not usable or usable & held

    def ips_for(self, part):
        """The IPs that it may leave from by its affinity, its masks and the live workers."""
        return [
            ip
            for ip, weight in self.weights.get(part.affinity, {}).items()
            if weight > 0
            and ip in part.source_ips
            and any(
                part.affinity in serves and ip not in unbindable
                for serves, unbindable in self.workers.values()
            )
        ]


Scheduling.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_the_promises_hold_whatever_happens_around_the_scheduler = Scheduling.TestCase
