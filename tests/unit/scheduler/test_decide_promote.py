"""Which deliveries take part."""

import pytest

from mail.states import DELIVERY_NEXT, DeliveryEvent, DeliveryStatus
from scheduler.decide.promote import is_due, is_finished


@pytest.mark.parametrize("status", DeliveryStatus)
def test_only_confirmed_deliveries_that_are_not_paused_are_due(status):
    expected = status in (DeliveryStatus.START_PENDING, DeliveryStatus.IN_PROGRESS)
    assert is_due(status, contact_at=100.0, now=100.0) is expected


def test_a_delivery_is_not_due_before_its_contact_date():
    assert not is_due(DeliveryStatus.START_PENDING, contact_at=100.1, now=100.0)


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_delivery_is_finished_exactly_where_the_state_machine_lets_it_complete(status):
    may_complete = (status, DeliveryEvent.COMPLETED) in DELIVERY_NEXT
    assert is_finished(status, pending=0) is may_complete
    assert not is_finished(status, pending=1)
