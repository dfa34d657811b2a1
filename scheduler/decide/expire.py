"""What the end of the validity period makes of a message that is still pending."""

from mail.states import MessageEvent


def expiry_event(attempts: int) -> MessageEvent:
    """A message that was tried has failed; one that never was is only cancelled."""
    return MessageEvent.EXPIRED_TRIED if attempts else MessageEvent.EXPIRED_UNTRIED
