"""When a letter goes: on working days at nine, and never at night."""

from datetime import datetime, time, timedelta

GOES_AT = time(9)


def next_morning(now: datetime) -> datetime:
    """The next working day's morning, today's if it is still ahead."""
    found = datetime.combine(now.date(), GOES_AT, now.tzinfo)
    while found < now or found.weekday() >= 5:
        found += timedelta(days=1)
    return found
