"""What the end of the validity makes of a message."""

from mail.states import MessageStatus, message_after
from scheduler.decide.expire import expiry_event


def test_a_message_that_was_never_tried_is_cancelled():
    assert message_after(MessageStatus.PENDING, expiry_event(0)) is MessageStatus.CANCELLED


def test_a_message_that_was_tried_has_failed():
    assert message_after(MessageStatus.PENDING, expiry_event(1)) is MessageStatus.FAILED
