"""What readers did, held against what was recorded of it."""

from hypothesis import given
from hypothesis import strategies as st

from mail.tracked import Kind
from monitor.tracking_accounts import Act, differences, reconcile_tracking
from monitor.tracking_figures import Figures
from store.tracking_accounts import Counter, Logged

NOW = 1_767_571_200.0


def act(number, at=NOW, kind=Kind.CLICK, message=1, url=2, *, machine=False, sure=True):
    return Act(f"act {number}", 1, message, url, kind, at, at + 0.1, machine, sure)


def row(number, at=NOW, kind=Kind.CLICK, message=1, url=2, person="p", *, machine=False):
    return Logged(number, 1, message, url, kind, at, person, machine)


def test_a_pair_is_one_of_message_url_kind_and_time():
    found = reconcile_tracking([act(1)], [row(1, NOW + 0.05)], 60)
    assert (found.pairs, found.is_ok) == (1, True)


def test_what_is_not_recorded_is_missing():
    found = reconcile_tracking([act(1), act(2, NOW + 100)], [row(1)], 60)
    assert found.missing.samples == ["act 2"]
    assert not found.is_ok


def test_what_nobody_did_is_a_phantom():
    found = reconcile_tracking([act(1)], [row(1), row(2), row(3, NOW + 500)], 60)
    assert found.phantom.samples == [2, 3]
    assert not found.is_ok


def test_of_opens_within_a_minute_one_stands_for_all():
    opens = [act(n, NOW + 20 * n, Kind.OPEN, url=1) for n in range(3)]
    found = reconcile_tracking(opens, [row(1, NOW, Kind.OPEN, url=1)], 60)
    assert (found.pairs, found.merged, found.is_ok) == (1, 2, True)


def test_an_open_later_than_that_is_missing():
    opens = [act(1, NOW, Kind.OPEN, url=1), act(2, NOW + 90, Kind.OPEN, url=1)]
    found = reconcile_tracking(opens, [row(1, NOW, Kind.OPEN, url=1)], 60)
    assert found.missing.samples == ["act 2"]


def test_another_kind_is_told_as_such():
    found = reconcile_tracking([act(1)], [row(1, kind=Kind.OPT_OUT)], 60)
    assert (found.missing.count, found.phantom.count, found.wrong_kind.samples) == (0, 0, [1])


def test_what_is_in_doubt_may_be_recorded_or_not():
    acts = [act(1, sure=False), act(2, message=2, sure=False)]
    found = reconcile_tracking(acts, [row(1)], 60)
    assert (found.pairs, found.in_doubt, found.is_ok) == (1, 1, True)


def test_what_is_sure_is_paired_before_what_is_in_doubt():
    found = reconcile_tracking([act(1, sure=False), act(2)], [row(1)], 60)
    assert (found.pairs, found.in_doubt, found.missing.count) == (1, 1, 0)


def test_marks_are_held_against_who_it_was():
    acts = [act(n, message=n, machine=n <= 4) for n in range(1, 8)]
    rows = [row(n, message=n, machine=n in (1, 2, 3, 5)) for n in range(1, 8)]
    found = reconcile_tracking(acts, rows, 60)
    assert found.is_ok  # a guess that is wrong loses nothing
    assert found.marks.as_json() == {
        "machines_marked": 3,
        "machines_missed": 1,
        "people_marked": 1,
        "people_left": 2,
        "precision": 0.75,
        "recall": 0.75,
    }


def test_without_machines_there_is_nothing_to_divide_by():
    assert reconcile_tracking([act(1)], [row(1)], 60).marks.precision is None


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(2, 3), st.floats(0, 1e5))), st.randoms())
def test_a_true_record_is_always_clean_and_what_is_taken_from_it_is_missed(done, dice):
    acts = [act(n, NOW + at, message=m, url=u) for n, (m, u, at) in enumerate(done)]
    rows = [row(n, NOW + at + 0.05, message=m, url=u) for n, (m, u, at) in enumerate(done)]
    dice.shuffle(rows)
    assert reconcile_tracking(acts, rows, 60).is_ok
    if rows:
        found = reconcile_tracking(acts, rows[1:], 60)
        assert (found.missing.count, found.phantom.count) == (1, 0)
        found = reconcile_tracking(acts[1:], rows, 60)
        assert (found.missing.count, found.phantom.count) == (0, 1)


def test_counters_that_say_something_else_are_told():
    same, other = Counter(1, "opened", True), Counter(1, "clicked", False)
    found = list(differences({same: 3, other: 2}, {same: 3, other: 1}))
    assert found == [(other, 2, 1)]


def test_the_golden_example_of_the_modelled_system():
    """Adobe Campaign Classic, "Person, people, recipients": clicks 2, distinct clicks 6."""
    figures = Figures()
    rows = [row(1, kind=Kind.OPEN, message=2, url=1, person="")]
    rows += [row(10 + n, message=3, person="florian") for n in range(9)]
    rows += [row(20 + n, message=3, person="friend") for n in range(2)]
    rows += [row(30 + n, message=4, person=f"henry {n}") for n in range(4)]
    list(figures.watch(rows))
    found = figures.as_json()
    assert {name: each["measured"] for name, each in found.items()} == {
        "opened": 3,
        "opens": 1,
        "clicked": 2,
        "clicks": 15,
        "persons": 6,
        "opt_outs": 0,
        "mirror": 0,
    }
