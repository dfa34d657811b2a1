"""What a personality sends back after it has accepted a message: bounces, replies, complaints."""

from typing import Annotated, Final, Literal

from pydantic import Field

from sinks.fields import Delay, DelayOrTime, Mask, Share, Table

Form = Literal["dsn", "exim", "qmail", "prose"]
_Line = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]


class BounceReason(Table):
    """Why a message comes back."""

    status: str = Field(
        pattern=r"^[45]\.\d{1,3}\.\d{1,3}$", description="Its status code (RFC 3463)."
    )
    text: _Line = Field(description="What the host says that did not take it, on one line.")
    action: Literal["failed", "delayed"] = Field(
        default="failed", description="Whether it is over, or will still be tried (RFC 3464)."
    )
    weight: float = Field(default=1.0, gt=0, description="How often, against the others.")


_NOBODY: Final = BounceReason(status="5.1.1", text="No mailbox here by that name")


class BounceLater(Table):
    """Messages that are accepted and bounce afterwards: those to the same addresses each time."""

    share: Share = Field(default=1.0, description="Which share of addresses bounces.")
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Recipients that it is for, with * and ?; empty: all."
    )
    delay: DelayOrTime = Field(
        default=Delay(time=30.0), description="From the message's acceptance."
    )
    reasons: tuple[BounceReason, ...] = Field(
        default=(_NOBODY,), min_length=1, description="Why; each address has one of them."
    )
    formats: tuple[Form, ...] = Field(
        default=("dsn",),
        min_length=1,
        description="How it is written, each as often: dsn (RFC 3464), exim and qmail (as these "
        "programs do), prose (which no program can read).",
    )


class AutoReply(Table):
    """Recipients who are away: their machine answers (RFC 3834)."""

    share: Share = Field(default=1.0, description="Which share of addresses is away.")
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Recipients that it is for, with * and ?; empty: all."
    )
    delay: DelayOrTime = Field(
        default=Delay(time=2.0), description="From the message's acceptance."
    )
    subject: _Line = Field(default="Out of office", description="Its subject.")
    text: _Line = Field(
        default="I am away and will read your mail when I am back.", description="What it says."
    )


class Complain(Table):
    """Recipients who press the button for spam: a feedback report (RFC 5965) is sent."""

    share: Share = Field(default=1.0, description="Which share of messages is complained of.")
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Recipients that it is for, with * and ?; empty: all."
    )
    delay: DelayOrTime = Field(
        default=Delay(time=60.0), description="From the message's acceptance."
    )
    to: str | None = Field(
        default=None,
        pattern=r"^[\x21-\x3b\x3d\x3f-\x7e]+@[A-Za-z0-9.-]+$",
        description="Where reports go, such as the feedback address of the lab; none: to the "
        "message's return path.",
    )
    feedback_type: Literal["abuse", "fraud", "virus", "not-spam", "other"] = Field(
        default="abuse", description="What kind of complaint it is."
    )
