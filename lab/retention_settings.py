"""How long each kind of record is kept, as ``mtalab.toml`` has it under ``[retention]``."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, model_validator

from affinity.configuration import Table
from mail import notation

OFF: Final = "off"
_DAY_S: Final = 86_400.0
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _kept(value: Any) -> Any:
    """A duration or ``off`` (None); None itself is what a default says."""
    return None if value == OFF else notation.seconds(value)


def _time_of_day(value: Any) -> Any:
    """``04:00`` → seconds since midnight; ``off`` → None."""
    if value is None or value == OFF:
        return None
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('expected a time of day such as 04:00, or "off"')
    return int(found[1]) * 3600 + int(found[2]) * 60


_Age = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Kept = Annotated[_Age | None, BeforeValidator(_kept)]


class RetentionSettings(Table):
    """How long what is over is kept; "off" keeps it for ever.

    `mtalab prune` removes what is older, by hand or once a day. Where the modelled system has such
    records, the defaults are its own.
    """

    daily: Annotated[int | None, BeforeValidator(_time_of_day)] = Field(
        default=None,
        description='Time of day (UTC, such as "04:00") at which the leading scheduler prunes, or '
        '"off".',
    )
    delivery_logs: Kept = Field(
        default=180 * _DAY_S,
        description="Messages and transitions of deliveries that ended; their counters stay until "
        "the delivery itself goes.",
    )
    tracking_logs: Kept = Field(default=360 * _DAY_S, description="Opens and clicks, one by one.")
    tracking_figures: Kept = Field(
        default=360 * _DAY_S,
        description="Counters of opens and clicks, of deliveries that ended.",
    )
    visitors: Kept = Field(
        default=30 * _DAY_S, description="Browsers that clicked; later they count anew."
    )
    inbound: Kept = Field(
        default=180 * _DAY_S, description="Bounces, complaints and replies that came in."
    )
    audit: Kept = Field(default=180 * _DAY_S, description="Lines of `mtalab audit`.")
    counters: Kept = Field(
        default=360 * _DAY_S, description="What went by minute, path and day, behind the rates."
    )
    workers: Kept = Field(default=30 * _DAY_S, description="Workers that ended.")
    deleted: Kept = Field(
        default=7 * _DAY_S,
        description="Deleted deliveries; until then `mtalab restore` brings them back.",
    )
    addresses: Kept = Field(
        default=None,
        description="Addresses whose errors are that old; never those that are in quarantine.",
    )
    submission_keys: Kept = Field(
        default=_DAY_S,
        description="Idempotency keys of the API: sent again after that, a submission is a new "
        "one.",
    )
    traces: Kept = Field(default=30 * _DAY_S, description="Files of recorded dialogues.")
    receipts: Kept = Field(
        default=None,
        description="Receipts and contents of a sink, once all of them are that old and no message "
        "in the store is left that they prove; the sink must not be running.",
    )

    @model_validator(mode="after")
    def _receipts_outlive_what_they_prove(self) -> "RetentionSettings":
        logs = self.delivery_logs
        if self.receipts is not None and (logs is None or self.receipts < logs):
            raise ValueError("expected receipts to be kept as long as delivery_logs, at least")
        return self
