"""Processor times are read in ticks, one after the other."""

from lab.bench.processes import Use
from lab.bench.shares import time_shares


def test_a_first_thread_that_seems_to_have_used_more_than_its_process_leaves_nothing_negative():
    use = Use(processes=1, cpu_s=0.01, main_cpu_s=0.02)
    [shares] = time_shares({"mta": use}, {}, 1.0).values()
    assert shares["store"] == 0.0
    assert min(shares.values()) >= 0.0
    assert sum(shares.values()) == 1.0
