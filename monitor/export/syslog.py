"""A line of syslog: its time stamp, its host, its program."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


class SyslogTime(StrEnum):
    """How a line begins."""

    TRADITIONAL = "traditional"  # RFC 3164: local time, no year, whole seconds
    RFC3339 = "rfc3339"  # as rsyslog's file format: local time with its offset, microseconds
    UTC = "utc"  # the same in UTC


def stamp(at: float, form: SyslogTime) -> str:
    """The time stamp of an instant, in epoch seconds."""
    moment = datetime.fromtimestamp(at, UTC)
    if form is SyslogTime.UTC:
        return moment.isoformat(timespec="microseconds")
    moment = moment.astimezone()
    if form is SyslogTime.RFC3339:
        return moment.isoformat(timespec="microseconds")
    # Not strftime: its months are the locale's.
    return f"{_MONTHS[moment.month - 1]} {moment.day:2} {moment:%H:%M:%S}"
