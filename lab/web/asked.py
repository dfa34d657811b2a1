"""What questions have in common: filters of the log, pages of lists, times."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from fastapi import Depends, Path, Query

from lab.web.problems import WebRefusal
from mail.errors import Where
from mail.notation import duration_s
from mail.reason import Reason
from mail.states import MessageStatus
from store import log

T = TypeVar("T")

BIGGEST: Final = 2**63 - 1  # of a number in either database
LONGEST_S: Final = 36_525 * 86_400.0
DeliveryNumber = Annotated[int, Path(ge=1, le=BIGGEST, description="Number of the delivery.")]
MessageNumber = Annotated[int, Path(ge=1, le=BIGGEST, description="Number of the message.")]
OfDelivery = Annotated[int | None, Query(ge=1, le=BIGGEST, description="Of this delivery alone.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[
    int | None,
    Query(ge=1, le=BIGGEST, description="`next` of the answer before; without it, the newest."),
]
Text = Annotated[str | None, Query(min_length=1, max_length=320)]


class BadQuestion(WebRefusal):
    """A part of a question that means nothing."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Page(NamedTuple):
    """Of a list that is read page by page, newest first."""

    limit: int
    before: int | None


def _page(limit: Limit = 50, cursor: Cursor = None) -> Page:
    return Page(limit, cursor)


Paged = Annotated[Page, Depends(_page)]


def next_of(found: Sequence[Any], page: Page, number: int) -> int | None:
    """The cursor of the page after one whose last number is given; None: there is none."""
    return number if len(found) >= page.limit else None


def time_of(key: str, text: str | None, now: float) -> float | None:
    """Epoch seconds of a time: a number of them, ISO 8601, or how long ago, such as 10m.

    Raises:
        BadQuestion: it is none of these.
    """
    if text is None:
        return None
    try:
        return _time_of(text.strip(), now)
    except (ValueError, OverflowError, OSError):
        raise BadQuestion(
            f"{text!r} is no time",
            where=Where(key=key),
            remedy="Use seconds since 1970, 2026-12-24T08:00Z, or 10m for ten minutes ago.",
        ) from None


def seconds_of(key: str, text: str, *, least: float = 0.0) -> float:
    """Seconds of a duration such as 90s or 10m, ``least`` at least.

    Raises:
        BadQuestion: it is none, or too short.
    """
    try:
        found = duration_s(text)
    except ValueError as error:
        raise BadQuestion(
            f"{text!r} is no duration", where=Where(key=key), remedy=f"{error}."
        ) from None
    if found < least:
        raise BadQuestion(f"{text!r} has no length", where=Where(key=key), remedy="Such as 10m.")
    if found > LONGEST_S:
        raise BadQuestion(
            f"{text!r} is too long", where=Where(key=key), remedy="A century at most."
        )
    return found


def _time_of(text: str, now: float) -> float:
    if text.replace(".", "", 1).isdigit() and text.isascii():
        at = float(text)
    else:
        try:
            at = now - duration_s(text.removesuffix("ago").strip())
        except ValueError:
            at = datetime.fromisoformat(text).astimezone().timestamp()
    datetime.fromtimestamp(at, UTC)  # raises where no calendar goes
    return at


def reason_of(text: str | None) -> Reason | None:
    """A reason by its label. Raises BadQuestion."""
    if text is None:
        return None
    for each in Reason:
        if each.label == text.lower():
            return each
    raise BadQuestion(
        f"there is no reason {text!r}",
        where=Where(key="reason"),
        remedy="Reasons are: " + ", ".join(each.label for each in Reason) + ".",
    )


class Wanted(NamedTuple):
    """Of the log, as it was asked for; ``filter`` makes it what the store is asked for."""

    delivery: int | None
    status: MessageStatus | None
    domain: str | None
    ip: str | None
    reason: str | None
    since: str | None
    until: str | None

    def filter(self, now: float) -> log.Filter:
        """Raises BadQuestion."""
        return log.Filter(
            delivery_id=self.delivery,
            status=self.status,
            domain=self.domain,
            source_ip=self.ip,
            reason=reason_of(self.reason),
            since=time_of("since", self.since, now),
            until=time_of("until", self.until, now),
        )


def _wanted(
    delivery: OfDelivery = None,
    status: MessageStatus | None = None,
    domain: Annotated[str | None, Query(max_length=255, description="With * and ?.")] = None,
    ip: Annotated[str | None, Query(max_length=45, description="Source IP.")] = None,
    reason: Annotated[str | None, Query(description="Such as mailbox_full.")] = None,
    since: Annotated[str | None, Query(description="A time, or 10m for ten minutes ago.")] = None,
    until: Annotated[str | None, Query(description="A time, or 10m for ten minutes ago.")] = None,
) -> Wanted:
    return Wanted(delivery, status, domain, ip, reason, since, until)


OfLog = Annotated[Wanted, Depends(_wanted)]
