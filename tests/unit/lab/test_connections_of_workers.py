"""Connections as the page of MTAs sums them up from what workers tell."""

from lab.web.mta_lines import connections_by_lane, phases_of
from store.reports import LaneReport, Phase


def report(worker, lane, source_ip, taken=0, **phases):
    return LaneReport(worker, lane, source_ip, taken=taken, phases=phases)


def test_phases_of_all_lanes_are_one_and_the_longest_is_told():
    told = [
        report(1, "a", "127.0.1.1", mail=Phase(2, 50.0), idle=Phase(1, 40.0)),
        report(1, "b", "127.0.1.1", mail=Phase(3, 30.0)),
    ]
    assert phases_of(told) == {"idle": Phase(1, 40.0), "mail": Phase(5, 30.0)}


def test_a_worker_without_connections_has_no_phases():
    assert phases_of([report(1, "a", "127.0.1.1")]) == {}


def test_source_ips_of_a_shared_lane_count_their_connections_once():
    told = [
        report(1, "*>gmail", "127.0.1.1", taken=4),
        report(1, "*>gmail", "127.0.1.2", taken=4),
        report(2, "*>gmail", "127.0.1.1", taken=3),
        report(2, "127.0.1.1>rest", "127.0.1.1", taken=1),
    ]
    assert connections_by_lane(told) == {"*>gmail": 7, "127.0.1.1>rest": 1}
