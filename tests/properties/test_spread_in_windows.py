"""How evenly what is sent is spread over any five seconds, from two seconds after the start.

Workers send what they hold in the order in which they got it, each so many messages a round, from
all its lanes in turn.
"""

from collections import Counter, defaultdict, deque

import pytest

from affinity.configuration import Pace
from tests.fakes.spread_lab import IPS, Lab, rules_for

ROUND_S, SETTLED_S, WINDOW_S = 0.05, 2.0, 5.0
LEAST = 0.98
LARGE = 4  # times one of the equal deliveries


class Sending(Lab):
    """Time goes on by rounds; ``sent`` has a counter of (worker, delivery) for each."""

    def __init__(self, rules, speeds):
        super().__init__(rules, dict.fromkeys(range(1, len(speeds) + 1), ("red",)), Pace())
        self.speeds = dict(enumerate(speeds, 1))  # messages a round
        self.left = {}  # by part
        self.sent = []

    def step(self):
        self.round()
        lanes = defaultdict(lambda: defaultdict(deque))
        for lease in self.leases:
            self.left.setdefault(lease[0].part_id, lease[1])
            lanes[lease[0].worker_id][lease[0].lane_key].append(lease)
        sent = Counter()
        for worker, of_lane in lanes.items():
            turns = deque(of_lane.values())
            for _ in range(self.speeds[worker]):
                if not turns:
                    break
                queue = turns.popleft()
                lease = queue[0]
                sent[worker, lease[0].delivery_id] += 1
                self.left[lease[0].part_id] -= 1
                if not self.left[lease[0].part_id]:
                    self.leases.remove(queue.popleft())
                if queue:
                    turns.append(queue)
        self.sent.append(sent)
        self.now += ROUND_S


def jain(shares):
    return sum(shares) ** 2 / (len(shares) * sum(each**2 for each in shares))


@pytest.mark.parametrize("weights", [(1,), (1, 1), (5, 5, 1)])
@pytest.mark.parametrize("sizes", [(29, 117), (256, 256), (8, 256)])
@pytest.mark.parametrize("workers", [2, 3])
def test_equal_deliveries_and_equal_workers_have_equal_parts(weights, sizes, workers):
    lab = Sending(rules_for({"red": dict(zip(IPS, weights, strict=False))}), [200] * workers)
    each = 200 * workers * 80  # the three share with a fourth: sixteen seconds
    size, large = sizes
    for delivery in (1, 2, 3):
        lab.submit(delivery, [size] * (each // size))
    lab.submit(4, [large] * (LARGE * each // large))
    while all(lab.queues[delivery] for delivery in (1, 2, 3)):
        lab.step()
    window = int(WINDOW_S / ROUND_S)
    starts = range(int(SETTLED_S / ROUND_S), len(lab.sent) - window, 10)
    assert len(starts) >= 10
    for start in starts:
        total = sum(lab.sent[start : start + window], Counter())
        by_worker, by_delivery = Counter(), Counter()
        for (worker, delivery), messages in total.items():
            by_worker[worker] += messages
            by_delivery[delivery] += messages
        assert jain([by_worker[each] for each in lab.workers]) >= LEAST
        assert jain([by_delivery[each] for each in (1, 2, 3)]) >= LEAST
