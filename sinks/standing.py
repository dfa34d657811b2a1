"""What a source may do in a day, and what its reputation brings it."""

from typing import Literal

from pydantic import Field, model_validator

from sinks.fields import Mask, ReplyOrDrop, ReplyText, Seconds, Share, Table, TimeOfDay


class Quota(Table):
    """How many messages are taken in a day."""

    of: Literal["ip", "sender", "recipient", "all"] = Field(
        default="ip",
        description="What has the quota: each source IP, envelope sender or mailbox, "
        "or all mail together.",
    )
    messages: int = Field(
        ge=1, description="Messages a day, counted at MAIL; of a recipient, at RCPT."
    )
    resets: TimeOfDay = Field(
        default="00:00", description="When the day begins, as hours and minutes in UTC."
    )
    reply: ReplyText = Field(
        default="452 4.7.0 The daily quota is used up, come back tomorrow",
        description="The reply to MAIL, or to RCPT; after 421 the connection is closed.",
    )


class Step(Table):
    """What happens to a source whose reputation has fallen below a mark."""

    below: float = Field(gt=0, le=1, description="The mark.")
    reply: ReplyOrDrop = Field(
        description='The reply, or "drop"; {ip}, {mx}, {sender} and {reputation} are filled in.'
    )
    stage: Literal["connect", "mail"] = Field(
        default="mail", description="Given as greeting or to MAIL."
    )
    share: Share = Field(default=1.0, description="Which share of attempts gets it.")


class Reputation(Table):
    """What a source IP has earned: from 0 to 1, ``(good + prior * start) / (good + bad + prior)``.

    ``good`` counts recipients of accepted messages, ``bad`` those refused for good (5xx) at RCPT or
    at the end of data, and traps. Both halve every ``half_life``, so that the reputation goes back
    to ``start`` with time; ``prior`` says how much must happen before it moves.
    """

    start: Share = Field(default=1.0, gt=0, description="Of a source that nothing is known about.")
    prior: float = Field(
        default=50.0, gt=0, description="Recipients that a newcomer's reputation weighs."
    )
    half_life: Seconds = Field(default=3600.0, gt=0, description="In which what was seen halves.")
    bounce: float = Field(
        default=1.0, ge=0, description="What a recipient refused for good counts."
    )
    traps: tuple[Mask, ...] = Field(
        default=(), description="Recipients that nobody should write to, with * and ?: accepted."
    )
    trap: float = Field(default=20.0, ge=0, description="What a message to a trap counts.")
    ipv4_prefix: int = Field(
        default=32, ge=0, le=32, description="Peers with these leading bits share one."
    )
    ipv6_prefix: int = Field(default=128, ge=0, le=128, description="The same for IPv6.")
    steps: tuple[Step, ...] = Field(
        default=(), description="What it brings; of several marks, the lowest that is undercut."
    )

    @model_validator(mode="after")
    def _can_be_earned(self) -> "Reputation":
        for step in self.steps:
            if step.below > self.start:
                raise ValueError(
                    f"expected steps below {self.start:g}, where a newcomer starts: one below "
                    f"{step.below:g} would never let anybody begin"
                )
        return self
