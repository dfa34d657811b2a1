"""A model of a lab around ``spread``: queues, workers that hold parts, and what they were given."""

from collections import Counter, defaultdict, deque
from itertools import islice

from affinity.configuration import Affinity, Configuration, MxRule, Pace, Route, SourceIp
from affinity.route import Routes
from scheduler.decide.snapshot import LaneView, LiveWorker, QueuedPart, Rules, Snapshot
from scheduler.decide.spread import Memory, spread

IPS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")


def rules_for(weights):
    """Rules of some affinities, each a mapping of source IPs to weights."""
    configuration = Configuration(
        affinity={
            name: Affinity(
                ip=tuple(SourceIp(address=ip, weight=weight) for ip, weight in ips.items())
            )
            for name, ips in weights.items()
        },
        route={
            name: Route(domains=(f"{name}.test",), host="127.0.0.1:2525")
            for name in ("free", "few", "slow")
        },
        mx_rule=(
            MxRule(mask="mx.few.test", max_connections=2),
            MxRule(mask="mx.slow.test", messages_per_hour=3600),
        ),
    )
    return Rules(configuration, Routes(configuration.route))


class Lab:
    """Queues, workers and leases; ``round`` grants, ``finish`` answers for parts in hand."""

    def __init__(self, rules, workers, pace=None, group="free"):
        self.rules, self.pace, self.group = rules, pace or Pace(lane_window=64), group
        self.workers = dict(workers)  # number → affinities
        self.queues = defaultdict(deque)
        self.leases = []  # (grant, size), oldest first
        self.granted = Counter()  # messages by delivery
        self.by_ip = Counter()
        self.by_worker = Counter()
        self.memory, self.now, self.suspended, self.parts = Memory(), 1000.0, set(), 0
        self.tats = {}  # by lane key

    def submit(self, delivery, sizes, affinity="red", priority=0, ips=IPS):
        for size in sizes:
            self.parts += 1
            self.queues[delivery].append(
                QueuedPart(self.parts, delivery, affinity, self.group, ips, size, priority)
            )

    def round(self):
        in_hand = defaultdict(Counter)
        owners = {}
        for grant, size in self.leases:
            in_hand[grant.worker_id][grant.lane_key] += size
            if self.rules.lane(grant.source_ip, grant.mx_group).is_limited:
                owners[grant.lane_key] = grant.worker_id
        keys = {self.rules.lane(ip, self.group).key for ip in IPS}
        snapshot = Snapshot(
            self.now,
            # The window on the queue: the first parts of each delivery.
            tuple(part for queue in self.queues.values() for part in islice(queue, 80)),
            tuple(
                LiveWorker(number, f"mta{number}", frozenset(serves), in_hand=in_hand[number])
                for number, serves in self.workers.items()
            ),
            tuple(
                LaneView(key, owners.get(key), self.tats.get(key), key in self.suspended)
                for key in sorted(keys)
            ),
        )
        grants, self.memory = spread(snapshot, self.rules, self.pace, self.memory)
        parts = {part.part_id: part for part in snapshot.parts}
        for grant in grants:
            part = parts[grant.part_id]
            self.queues[part.delivery_id].remove(part)
            self.leases.append((grant, part.size))
            self.granted[part.delivery_id] += part.size
            self.by_ip[grant.source_ip] += part.size
            self.by_worker[grant.worker_id] += part.size
        return grants

    def finish(self, which=lambda _grant: True):
        self.leases = [lease for lease in self.leases if not which(lease[0])]

    def finish_some(self, numbers):
        for number in numbers:
            if self.leases:
                del self.leases[number % len(self.leases)]
