"""Cutting due messages into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import Pace
from affinity.part import part_size
from scheduler.decide.cut import DueMessage, cut


@pytest.mark.parametrize(
    ("messages", "size"),
    [(1, 8), (9_215, 8), (9_216, 9), (262_143, 255), (262_144, 256), (10_000_000, 256)],
)
def test_a_part_is_a_1024th_of_the_delivery_within_its_bounds(messages, size):
    assert part_size(messages, Pace()) == size


def test_the_largest_part_holds_where_the_bounds_contradict_each_other():
    assert part_size(100, Pace(part_min=50, part_max=5)) == 5


def test_messages_are_cut_by_delivery_group_and_source_ips_in_their_order():
    due = [
        DueMessage(1, 10, "a", ("127.0.1.1",)),
        DueMessage(2, 11, "a", ("127.0.1.1",)),
        DueMessage(3, 10, "a", ("127.0.1.1",)),
        DueMessage(4, 10, "b", ("127.0.1.1",)),
        DueMessage(5, 10, "a", ("127.0.1.1",)),
        DueMessage(6, 10, "a", ("127.0.1.1", "127.0.1.2")),
    ]
    parts = cut(due, {10: 2, 11: 2})
    assert [part.message_ids for part in parts] == [(1, 3), (2,), (4,), (5,), (6,)]
    assert [part.delivery_id for part in parts] == [10, 11, 10, 10, 10]
    assert parts[4].source_ips == ("127.0.1.1", "127.0.1.2")


messages = st.builds(
    DueMessage,
    message_id=st.integers(1, 10_000),
    delivery_id=st.integers(1, 3),
    mx_group=st.sampled_from(["a", "b"]),
    source_ips=st.sampled_from([(), ("127.0.1.1",), ("127.0.1.1", "127.0.1.2")]),
)


@given(st.lists(messages, max_size=60, unique_by=lambda message: message.message_id))
def test_every_due_message_is_in_exactly_one_part_and_no_part_is_too_large(due):
    size_of = {1: 1, 2: 3, 3: 100}
    parts = cut(due, size_of)
    assert sorted(m for part in parts for m in part.message_ids) == sorted(
        message.message_id for message in due
    )
    by_id = {message.message_id: message for message in due}
    place = {message.message_id: index for index, message in enumerate(due)}
    for part in parts:
        assert 1 <= len(part.message_ids) <= size_of[part.delivery_id]
        assert list(part.message_ids) == sorted(part.message_ids, key=place.__getitem__)
        for message_id in part.message_ids:
            message = by_id[message_id]
            assert message.delivery_id == part.delivery_id
            assert message.mx_group == part.mx_group
            assert message.source_ips == part.source_ips
