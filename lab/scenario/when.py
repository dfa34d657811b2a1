"""Times of a scenario: so long after its beginning, or at a date."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from mail.notation import duration_s

_HOW: Final = 'expected a time such as "90s", "5d" or "2026-01-07T09:00"'


def _when(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, datetime):
        return in_utc(value)
    try:
        return duration_s(value)
    except (ValueError, TypeError):
        pass
    try:
        return in_utc(datetime.fromisoformat(value))
    except (ValueError, TypeError):
        raise ValueError(_HOW) from None


def in_utc(value: datetime) -> datetime:
    """Without a zone it is UTC: a scenario is the same wherever it runs."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


When = Annotated[float | datetime, BeforeValidator(_when)]


def seconds_after(beginning: float, when: float | datetime) -> float:
    """Seconds from the beginning (epoch seconds) until then; negative: before it."""
    return when.timestamp() - beginning if isinstance(when, datetime) else when
