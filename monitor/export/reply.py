"""What all formats need of a receiver's reply: one line of it, and its enhanced status."""

from typing import Final

from mail.states import MessageEvent
from store.log import Transition

_EXPIRED: Final = (MessageEvent.EXPIRED_TRIED, MessageEvent.EXPIRED_UNTRIED)


def one_line(text: str | None) -> str:
    """A text in one line, each character that cannot be printed as ``?``, as Postfix has it."""
    joined = " ".join(each.strip() for each in (text or "").splitlines())
    return "".join(each if each.isprintable() else "?" for each in joined)


def status_of(change: Transition) -> str:
    """The enhanced status code (RFC 3463) of an event, as ``5.1.1``.

    Where the receiver gave none it is the class of its reply and zeros, "undefined"; a message
    that waited for too long has 4.4.7, which the RFC has for that.
    """
    if change.enhanced is not None:
        return change.enhanced
    event = MessageEvent(change.event)
    if event in _EXPIRED:
        return "4.4.7"
    if change.code is not None:
        return f"{change.code // 100}.0.0"
    kinds = {MessageEvent.ACCEPTED: 2, MessageEvent.DEFERRED: 4}
    return f"{kinds.get(event, 5)}.0.0"


def reply_of(change: Transition) -> str:
    """Code and text of the reply in one line; the text alone where nobody replied."""
    words = one_line(change.text)
    return words if change.code is None else f"{change.code} {words}".rstrip()
