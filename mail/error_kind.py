"""Kinds of errors in the statistics of SMTP, as the modelled system names its columns.

Adobe Campaign Classic, "Monitoring processes", SMTP errors per domain: Aborted, Errors, Refused,
Expired.
"""

from enum import StrEnum

from mail.outcome import Verdict
from mail.reason import Reason
from mail.states import MessageEvent


class ErrorKind(StrEnum):
    """What went wrong."""

    ABORTED = "aborted"  # no usable answer: no connection, lost, timed out, nonsense
    ERRORS = "errors"  # a reply that lets the message be tried again
    REFUSED = "refused"  # a reply that ends it
    UNSENT = "unsent"  # nothing was said: the content could not be made
    EXPIRED = "expired"  # its validity ended


def kind_of(verdict: Verdict) -> ErrorKind | None:
    """The kind of an attempt's error; None: it was accepted."""
    if verdict.event is MessageEvent.ACCEPTED:
        return None
    if verdict.code is None:
        unmade = verdict.reason is Reason.PERSONALIZATION
        return ErrorKind.UNSENT if unmade else ErrorKind.ABORTED
    return ErrorKind.REFUSED if verdict.event is MessageEvent.REFUSED else ErrorKind.ERRORS
