"""The receiving half of ``mtalab.toml`` as values: sinks and their personalities.

Each field's description is its documentation: ``docs/configuration.md`` is generated from here.
A duration is written ``"500ms"``, ``"10s"``, ``"5m"``, ``"1h"``, ``"5d"`` or as seconds.
"""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mail import notation
from mail.reply import Reply

_REPLY: Final = re.compile(r"^([45]\d\d)(?: ([^\r\n]+(?:\n[^\r\n]+)*))?$")
DROP: Final = "drop"
Certificate = Literal["none", "good", "expired", "self_signed", "wrong_name"]


def reply_of(text: str) -> Reply:
    """``"550 5.1.1 User unknown"`` → the reply, for a text that ``ReplyText`` let through."""
    code, _, said = text.partition(" ")
    return Reply(int(code), said)


def _refusal(value: str) -> str:
    if _REPLY.match(value) is None:
        raise ValueError("expected a reply with a 4xx or 5xx code such as 550 5.1.1 User unknown")
    return value


def _refusal_or_drop(value: str) -> str:
    return value if value == DROP else _refusal(value)


def _delay(value: Any) -> Any:
    return value if isinstance(value, dict | BaseModel) else {"time": value}


Seconds = Annotated[float, BeforeValidator(notation.seconds), Field(ge=0)]
Endpoint = Annotated[str, AfterValidator(notation.endpoint)]
ReplyText = Annotated[str, AfterValidator(_refusal)]
ReplyOrDrop = Annotated[str, AfterValidator(_refusal_or_drop)]
Mask = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SinkSettings(Table):
    """One MX host that a sink plays."""

    listen: Endpoint = Field(description="address:port that it listens on.")
    mx: str = Field(
        default="mx.mtalab.test",
        pattern=r"^[A-Za-z0-9.-]+$",
        description="The host name that it says in its greeting.",
    )
    personality: str = Field(default="accept", description="How it behaves, by name.")
    certificate: Certificate = Field(
        default="none",
        description="With any but none STARTTLS is offered, and its certificate for mx is good, "
        "expired, self_signed or for a wrong_name; tls/ca.pem in the lab's directory signs them.",
    )
    inbox: bool = Field(default=True, description="Whether it keeps what it accepts.")
    size_limit: int = Field(
        default=10 * 1024 * 1024, ge=1024, description="Largest message in bytes, said in SIZE."
    )


class Delay(Table):
    """How long a reply is held back."""

    time: Seconds = Field(description="At least this long.")
    jitter: Seconds = Field(default=0.0, description="Up to this much longer, evenly spread.")


DelayOrTime = Annotated[Delay, BeforeValidator(_delay)]
_AT_ONCE: Final = Delay(time=0.0)


class Latency(Table):
    """Delays of the replies; each is a duration or ``{time = "1s", jitter = "500ms"}``."""

    greeting: DelayOrTime = Field(default=_AT_ONCE, description="Before the greeting.")
    mail: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to MAIL.")
    rcpt: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to RCPT.")
    data: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to the end of data.")


class Refusal(Table):
    """A reply given instead of acceptance. The first that applies is given."""

    stage: Literal["connect", "ehlo", "starttls", "mail", "rcpt", "data", "body"] = Field(
        description="When it is given: as greeting, to EHLO, STARTTLS, MAIL, RCPT or DATA, or to "
        "the end of data."
    )
    reply: ReplyOrDrop = Field(
        description='The reply, or "drop": the connection ends without one. {ip}, {mx}, {sender} '
        "and {recipient} are filled in. After 421 the connection is closed."
    )
    share: Share = Field(default=1.0, description="Which share gets it.")
    share_of: Literal["attempts", "addresses"] = Field(
        default="attempts",
        description="A share of addresses gives the same address the same answer each time.",
    )
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Recipients that it is for, with * and ?; empty: all."
    )
    senders: tuple[Mask, ...] = Field(
        default=(), description="Envelope senders that it is for, with * and ?; empty: all."
    )

    @model_validator(mode="after")
    def _masks_fit_the_stage(self) -> "Refusal":
        if self.recipients and self.stage in {"connect", "ehlo", "starttls", "mail"}:
            raise ValueError(f"recipients are not known yet at stage {self.stage!r}")
        if self.senders and self.stage in {"connect", "ehlo", "starttls"}:
            raise ValueError(f"senders are not known yet at stage {self.stage!r}")
        return self


class UnknownUsers(Table):
    """Addresses that do not exist here, refused at RCPT; the same ones each time."""

    share: Share = Field(default=0.0, description="Which share of all addresses is unknown.")
    recipients: tuple[Mask, ...] = Field(
        default=(), description="Addresses that are unknown whatever the share, with * and ?."
    )
    reply: ReplyText = Field(
        default="550 5.1.1 <{recipient}>: no mailbox here by that name",
        description="The reply to RCPT.",
    )


class Deferral(Table):
    """Each pair of sender and recipient is put off a number of times, then accepted."""

    times: int = Field(default=1, ge=1, description="How many attempts are deferred.")
    reply: ReplyText = Field(
        default="451 4.3.0 Temporary failure here, try again later",
        description="The reply to RCPT.",
    )
    share: Share = Field(default=1.0, description="Which share of the pairs is deferred at all.")
    forget: Seconds = Field(
        default=5 * 86400.0, gt=0, description="A pair unheard of for this long starts anew."
    )


class Greylisting(Table):
    """A triplet of peer IP, sender and recipient is deferred until it has waited."""

    delay: Seconds = Field(default=300.0, description="How long a new triplet must wait.")
    reply: ReplyText = Field(
        default="450 4.7.1 <{recipient}>: greylisted, come back in a few minutes",
        description="The reply to RCPT until then.",
    )
    ipv4_prefix: int = Field(
        default=32,
        ge=0,
        le=32,
        description="Peers with these leading bits count as one; 32: each.",
    )
    ipv6_prefix: int = Field(default=128, ge=0, le=128, description="The same for IPv6.")
    forget: Seconds = Field(
        default=5 * 86400.0, gt=0, description="A triplet unheard of for this long starts anew."
    )


class MessageRate(Table):
    """How many messages a source IP may begin in any window of time."""

    messages: int = Field(ge=1, description="Messages, counted at MAIL.")
    per: Seconds = Field(gt=0, description="Length of the window, which slides.")
    reply: ReplyText = Field(
        default="421 4.7.0 Too many messages from {ip}, slow down",
        description="The reply to MAIL; after 421 the connection is closed.",
    )


class ConnectionLimit(Table):
    """How many connections a source IP may hold at once."""

    max: int = Field(ge=1, description="Connections at once.")
    reply: ReplyText = Field(
        default="421 4.7.0 {mx} Too many connections from {ip}",
        description="Said instead of the greeting.",
    )


class Personality(Table):
    """How a sink behaves. What is not set does nothing."""

    description: str = Field(default="", description="One line for lists.")
    extends: str | None = Field(
        default=None, description="Starts from this personality; keys given here replace its keys."
    )
    seed: int | Literal["random"] = Field(
        default=0, description='What every share and jitter follows; "random": anew at each start.'
    )
    latency: Latency = Field(default=Latency(), description="Delays of the replies.")
    tarpit: Seconds = Field(default=0.0, description="Between two characters of every reply.")
    refuse: tuple[Refusal, ...] = Field(default=(), description="Refusals, in order.")
    unknown_users: UnknownUsers | None = Field(default=None, description="Unknown addresses.")
    defer: Deferral | None = Field(default=None, description="Deferrals before acceptance.")
    greylist: Greylisting | None = Field(default=None, description="Greylisting per triplet.")
    rate: MessageRate | None = Field(default=None, description="Message rate per source IP.")
    connections: ConnectionLimit | None = Field(
        default=None, description="Connections at once per source IP."
    )
