"""How the keys of sinks and personalities are written and checked, whatever they mean.

A duration is written ``"500ms"``, ``"10s"``, ``"5m"``, ``"1h"``, ``"5d"`` or as seconds.
"""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mail import notation
from mail.reply import Reply

_REPLY: Final = re.compile(r"^([45]\d\d)(?: ([^\r\n]+(?:\n[^\r\n]+)*))?$")
_TIME_OF_DAY: Final = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")
_NO_SENDER_YET: Final = frozenset({"connect", "ehlo", "starttls", "quit"})
DROP: Final = "drop"


def reply_of(text: str) -> Reply:
    """``"550 5.1.1 User unknown"`` → the reply, for a text that ``ReplyText`` let through."""
    code, _, said = text.partition(" ")
    return Reply(int(code), said)


def seconds_of_day(text: str) -> float:
    """``"06:30"`` → seconds since midnight, for a text that ``TimeOfDay`` let through."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0


def _refusal(value: str) -> str:
    if _REPLY.match(value) is None:
        raise ValueError("expected a reply with a 4xx or 5xx code such as 550 5.1.1 User unknown")
    return value


def _refusal_or_drop(value: str) -> str:
    return value if value == DROP else _refusal(value)


def _time_of_day(value: str) -> str:
    if _TIME_OF_DAY.match(value) is None:
        raise ValueError("expected a time of day in UTC such as 00:00 or 06:30")
    return value


Seconds = Annotated[float, BeforeValidator(notation.seconds), Field(ge=0)]
Endpoint = Annotated[str, AfterValidator(notation.endpoint)]
ReplyText = Annotated[str, AfterValidator(_refusal)]
ReplyOrDrop = Annotated[str, AfterValidator(_refusal_or_drop)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
Mask = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Aimed(Table):
    """A rule for some of those who come to a stage of the session."""

    stage: str = Field(description="The stage.")
    share: Share = Field(default=1.0, description="Which share gets it.")
    share_of: Literal["attempts", "addresses"] = Field(
        default="attempts",
        description="A share of addresses gives the same address the same answer each time; where "
        "no address is known yet, the same peer IP.",
    )
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Recipients that it is for, with * and ?; empty: all."
    )
    senders: tuple[Mask, ...] = Field(
        default=(), description="Envelope senders that it is for, with * and ?; empty: all."
    )
    peers: tuple[Mask, ...] = Field(
        default=(), description="Peer IPs that it is for, with * and ?; empty: all."
    )

    @model_validator(mode="after")
    def _masks_fit_the_stage(self) -> "Aimed":
        if self.recipients and self.stage in {*_NO_SENDER_YET, "mail"}:
            raise ValueError(f"recipients are not known yet at stage {self.stage!r}")
        if self.senders and self.stage in _NO_SENDER_YET:
            raise ValueError(f"senders are not known yet at stage {self.stage!r}")
        return self


def _delay(value: Any) -> Any:
    return value if isinstance(value, dict | BaseModel) else {"time": value}


class Delay(Table):
    """How long something is held back."""

    time: Seconds = Field(description="At least this long.")
    jitter: Seconds = Field(default=0.0, description="Up to this much longer, evenly spread.")


DelayOrTime = Annotated[Delay, BeforeValidator(_delay)]
