"""Submitted, sent, read, tracked, and held against what was done: all of it in a simulated lab."""

from tests.fakes.reading_lab import read_tracked

MANY = """
[topology.reader.eager]
like = "eager"
share = 0.3
unsubscribes = 0.3
[topology.reader.guarded]
like = "guarded"
share = 0.2
[topology.reader.proxied]
like = "privacy_proxy"
share = 0.2
[topology.reader.leaving]
like = "leaving"
share = 0.2
[topology.reader.generous]
like = "generous"
"""


def test_all_that_was_done_is_recorded_and_nothing_else():
    lab = read_tracked(MANY, messages=120)
    assert not lab.complaints
    found = lab.account.found
    assert found.is_ok, (found.in_words(), found.as_json())
    assert found.pairs > 150
    figures = lab.account.figures.as_json()
    assert figures["opt_outs"]["real"] == figures["opt_outs"]["without_machines"] > 0
    assert figures["opened"]["measured"] > figures["opened"]["without_machines"] > 0
    assert found.marks.recall == 1.0
    assert lab.account.failed == 0
    assert read_tracked(MANY, messages=120).digest == lab.digest


KILLED = "".join(
    f'[[event]]\nat = "{at}"\ndo = "kill"\nwhat = "{what}"\n'
    for at, what in (("20m", "readers"), ("30m", "tracking"), ("50m", "readers"))
)


def test_nothing_is_lost_when_readers_and_server_are_killed():
    lab = read_tracked(MANY, messages=60, text=KILLED)
    assert not lab.complaints
    assert lab.account.found.is_ok, lab.account.found.as_json()


IN_FLIGHT = "".join(
    f'[[event]]\nat = "{at}ms"\ndo = "kill"\nwhat = "{what}"\n'
    for at, what in ((2254, "readers"), (6504, "tracking"), (9000, "readers"))
)


def test_what_was_in_flight_when_readers_were_killed_is_in_doubt_and_not_done_twice():
    scanned = "[topology.reader.a]\nlike = 'guarded'\n"
    lab = read_tracked(scanned, messages=60, text=IN_FLIGHT)
    assert not lab.complaints
    assert lab.account.found.is_ok, lab.account.found.as_json()
    assert any(each.result == "doubt" for each in lab.entries)
    assert len({each.key for each in lab.entries}) == len(lab.entries)
