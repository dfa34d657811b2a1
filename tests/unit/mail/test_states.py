"""The two state machines, walked arrow by arrow."""

from itertools import product

import pytest

from mail.errors import IllegalTransition, MtalabError
from mail.states import (
    DELIVERY_NEXT,
    MESSAGE_NEXT,
    DeliveryEvent,
    DeliveryStatus,
    MessageEvent,
    MessageStatus,
    delivery_after,
    message_after,
)

M, E = MessageStatus, MessageEvent
D, V = DeliveryStatus, DeliveryEvent
MACHINES = {
    "message": (M, E, MESSAGE_NEXT, message_after, M.PENDING),
    "delivery": (D, V, DELIVERY_NEXT, delivery_after, D.EDITING),
}
# Said once more, in the words of the design: a slip in the table does not pass unseen.
MESSAGE_ARROWS = {
    (M.PENDING, M.SENT),
    (M.PENDING, M.FAILED),
    (M.PENDING, M.PENDING),
    (M.PENDING, M.IGNORED),
    (M.PENDING, M.CANCELLED),
    (M.SENT, M.FAILED),
    (M.FAILED, M.PENDING),
}

machines = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


@machines
def test_every_arrow_leads_where_the_table_says(machine):
    _, _, table, after, _ = machine
    for (status, event), target in table.items():
        assert after(status, event) is target


@pytest.mark.parametrize("name", MACHINES)
def test_whatever_is_not_in_the_table_is_illegal(name):
    statuses, events, table, after, _ = MACHINES[name]
    illegal = set(product(statuses, events)) - set(table)
    assert illegal
    for status, event in illegal:
        with pytest.raises(IllegalTransition) as raised:
            after(status, event)
        assert str(raised.value) == f"a {name} that is {status} cannot be {event}"
        assert (raised.value.machine, raised.value.status, raised.value.event) == (
            name,
            status,
            event,
        )
        assert isinstance(raised.value, MtalabError)


@machines
def test_every_status_can_be_reached(machine):
    statuses, _, table, _, start = machine
    reached, edge = {start}, [start]
    while edge:
        status = edge.pop()
        for (before, _), target in table.items():
            if before is status and target not in reached:
                reached.add(target)
                edge.append(target)
    assert reached == set(statuses)


@machines
def test_every_event_happens_somewhere(machine):
    _, events, table, _, _ = machine
    assert {event for _, event in table} == set(events)


@machines
def test_the_table_cannot_be_changed(machine):
    _, _, table, _, start = machine
    with pytest.raises(TypeError):
        table[start, next(iter(table))[1]] = start


def test_a_message_has_the_arrows_of_the_design_and_no_other():
    assert {(status, after) for (status, _), after in MESSAGE_NEXT.items()} == MESSAGE_ARROWS


def test_a_message_leaves_a_final_status_by_a_later_bounce_or_by_hand_only():
    final = set(M) - {M.PENDING}
    leaving = {(status, event) for status, event in MESSAGE_NEXT if status in final}
    assert leaving == {(M.SENT, E.BOUNCED_LATER), (M.FAILED, E.RETRIED_BY_HAND)}


def test_only_a_deferral_leaves_a_message_as_it_was():
    loops = {(status, event) for (status, event), after in MESSAGE_NEXT.items() if status is after}
    assert loops == {(M.PENDING, E.DEFERRED)}


def test_a_delivery_leaves_a_final_status_only_when_it_is_reopened():
    final = {D.FINISHED, D.CANCELLED, D.FAILED}
    leaving = {(status, event) for status, event in DELIVERY_NEXT if status in final}
    assert leaving == {(D.FINISHED, V.REOPENED)}


def test_a_delivery_can_always_come_to_an_end():
    ends = {D.FINISHED, D.CANCELLED, D.FAILED}
    for status in set(D) - ends:
        assert ends & {after for (before, _), after in DELIVERY_NEXT.items() if before is status}


def test_a_delivery_starts_once_it_is_confirmed_and_not_before():
    before_confirmation = {D.EDITING, D.READY}
    for (status, event), after in DELIVERY_NEXT.items():
        if status in before_confirmation:
            assert after is not D.IN_PROGRESS
            assert (after is D.START_PENDING) == (event is V.CONFIRMED)
