"""A limit in slots of five minutes, kept by real workers, one of them killed on its way."""

import os
import signal

from affinity.slots import SLOT_S
from sinks.receipts import read_receipts
from tests.fakes.running_lab import CONFIGURATION, running_lab

LIMIT = """
[[mx_rule]]
mask = "a.test"
messages_per_hour = 260
"""


def test_workers_send_a_slot_s_share_and_no_more_whoever_owns_the_lane(tmp_path):
    text = f'preset = "campaign"\n{CONFIGURATION}{LIMIT}'
    with running_lab(tmp_path, text=text) as lab:
        delivery = lab.submit(200)
        lab.wait(lambda: lab.sent(delivery) >= 40, "both source IPs sent their twenty")
        os.kill(lab.workers()[0].pid, signal.SIGKILL)
        lab.wait(lambda: len(lab.workers()) == 2, "another worker took its place")
        other = lab.submit(10, "b.test")
        lab.wait(lambda: lab.sent(other) == 10, "mail without a limit goes on")
        times = [each.time for each in read_receipts(lab.loaded.directory) if each.sink == "a"]
        slots = 1 + int(max(times) // SLOT_S) - int(min(times) // SLOT_S)
        assert 40 <= len(times) <= 2 * 20 * slots
        assert "in slots of five minutes" in lab.call("status").stdout.decode()
        assert lab.reconciled().as_json()["ok"]
