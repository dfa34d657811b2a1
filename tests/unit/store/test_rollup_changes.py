"""rollups.Changes: what one transaction adds to the counters."""

from mail.states import MessageStatus
from store.rollups import Changes

PENDING, SENT, FAILED = MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.FAILED
KEY = (7, "m1", 1, "127.0.1.1", "a")


def test_a_move_takes_from_one_counter_and_adds_to_another():
    changes = Changes()
    changes.move(1, PENDING, SENT, None)
    changes.move(1, PENDING, FAILED, 5)
    changes.move(2, PENDING, FAILED, 5)
    assert changes.status == {
        (1, PENDING, 0): -2,
        (1, SENT, 0): 1,
        (1, FAILED, 5): 1,
        (2, PENDING, 0): -1,
        (2, FAILED, 5): 1,
    }


def test_what_stays_as_it_is_moves_nothing():
    changes = Changes()
    changes.move(1, PENDING, PENDING, 201)
    assert not changes.status


def test_a_move_back_empties_the_counter_of_the_old_reason():
    changes = Changes()
    changes.move(1, PENDING, FAILED, 5)
    changes.move(1, FAILED, PENDING, 7, was=5)
    assert set(changes.status.values()) == {0}


def test_pending_messages_are_counted_under_no_reason():
    changes = Changes()
    changes.move(1, FAILED, PENDING, 7, was=5)
    assert changes.status == {(1, FAILED, 5): -1, (1, PENDING, 0): 1}


def test_attempts_are_counted_by_how_they_ended_and_bytes_only_when_sent():
    changes = Changes()
    for status, size in ((SENT, 10), (SENT, 5), (PENDING, 7), (FAILED, 3), (FAILED, 2)):
        changes.attempt(KEY, status, size)
    changes.attempt((8, *KEY[1:]), SENT, 1)
    assert changes.minute == {KEY: [2, 1, 2, 15], (8, *KEY[1:]): [1, 0, 0, 1]}
