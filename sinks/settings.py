"""The receiving half of ``mtalab.toml`` as values: sinks and their personalities.

Each field's description is its documentation: ``docs/configuration.md`` is generated from here,
from ``faults.py``, ``later.py`` and ``standing.py``.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from sinks.faults import Cut, Refusal, SlowClose, Stall, Tarpit
from sinks.fields import (
    Delay,
    DelayOrTime,
    Endpoint,
    Mask,
    ReplyOrDrop,
    ReplyText,
    Seconds,
    Share,
    Table,
)
from sinks.later import AutoReply, BounceLater, Complain
from sinks.standing import Quota, Reputation

Extension = Literal["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING"]
EXTENSIONS: Final[tuple[Extension, ...]] = (
    "PIPELINING",
    "SIZE",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
    "CHUNKING",
)
Certificate = Literal[
    "none", "good", "expired", "not_yet_valid", "self_signed", "wrong_name", "untrusted"
]


def _pause(value: Any) -> Any:
    return value if isinstance(value, dict | BaseModel | None) else {"pause": value}


class SinkSettings(Table):
    """One MX host that a sink plays."""

    listen: Endpoint = Field(description="address:port that it listens on.")
    mx: str = Field(
        default="mx.mtalab.test",
        pattern=r"^[A-Za-z0-9.-]+$",
        description="The host name that it says in its greeting.",
    )
    personality: str = Field(default="accept", description="How it behaves, by name.")
    certificate: Certificate | None = Field(
        default=None, description="What STARTTLS shows, whatever the personality says of it."
    )
    inbox: bool = Field(default=True, description="Whether it keeps what it accepts.")
    size_limit: int = Field(
        default=10 * 1024 * 1024, ge=1024, description="Largest message in bytes, said in SIZE."
    )
    bounces_to: Endpoint | None = Field(
        default=None,
        description="address:port of the server that takes what it sends back later: bounces, "
        "auto-replies, complaints; none: the lab's own, [inmail].",
    )


TarpitOrPause = Annotated[Tarpit, BeforeValidator(_pause)]
_AT_ONCE: Final = Delay(time=0.0)


class Latency(Table):
    """Delays of the replies; each is a duration or ``{time = "1s", jitter = "500ms"}``."""

    greeting: DelayOrTime = Field(default=_AT_ONCE, description="Before the greeting.")
    ehlo: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to EHLO and HELO.")
    mail: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to MAIL.")
    rcpt: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to RCPT.")
    data: DelayOrTime = Field(default=_AT_ONCE, description="Before the reply to the end of data.")


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
    """How many connections may be held at once, and how much one of them may carry."""

    max: int | None = Field(default=None, ge=1, description="Connections of one source IP at once.")
    reply: ReplyText = Field(
        default="421 4.7.0 {mx} Too many connections from {ip}",
        description="Said instead of the greeting.",
    )
    total: int | None = Field(default=None, ge=1, description="Connections of all peers at once.")
    total_reply: ReplyText = Field(
        default="421 4.3.2 {mx} All lines are busy, try again later",
        description="Said instead of the greeting.",
    )
    messages: int | None = Field(
        default=None, ge=1, description="Messages in one connection, counted at MAIL."
    )
    messages_reply: ReplyOrDrop = Field(
        default="421 4.7.0 {mx} Enough messages in this connection, open another",
        description='The reply to MAIL, or "drop"; after 421 the connection is closed.',
    )

    @model_validator(mode="after")
    def _limits_something(self) -> "ConnectionLimit":
        if self.max is None and self.total is None and self.messages is None:
            raise ValueError("expected max, total or messages")
        return self


class Personality(Table):
    """How a sink behaves. What is not set does nothing."""

    description: str = Field(default="", description="One line for lists.")
    extends: str | None = Field(
        default=None, description="Starts from this personality; keys given here replace its keys."
    )
    seed: int | Literal["random"] = Field(
        default=0, description='What every share and jitter follows; "random": anew at each start.'
    )
    greeting: str = Field(
        default="ESMTP mtalab sink",
        pattern=r"^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$",
        description="What the greeting says after the host name.",
    )
    extensions: tuple[Extension, ...] = Field(
        default=EXTENSIONS, description="What EHLO offers; STARTTLS comes with a certificate."
    )
    size_limit: int | None = Field(
        default=None, ge=1024, description="Largest message in bytes; none: that of the sink."
    )
    certificate: Certificate = Field(
        default="none",
        description="What STARTTLS shows: none (it is not offered), good (by the lab's own "
        "authority, for the sink's mx), expired, not_yet_valid, self_signed, wrong_name, or "
        "untrusted (by an authority that nobody knows).",
    )
    require_tls: bool = Field(
        default=False, description="Whether MAIL is refused (530 5.7.0) before STARTTLS."
    )
    latency: Latency = Field(default=Latency(), description="Delays of the replies.")
    refuse: tuple[Refusal, ...] = Field(default=(), description="Refusals, in order.")
    stall: tuple[Stall, ...] = Field(default=(), description="Replies held back, in order.")
    drop: tuple[Cut, ...] = Field(default=(), description="Connections ended, in order.")
    tarpit: TarpitOrPause | None = Field(
        default=None, description="Replies that trickle; a time alone is the pause."
    )
    slow_close: SlowClose | None = Field(default=None, description="Late closing.")
    unknown_users: UnknownUsers | None = Field(default=None, description="Unknown addresses.")
    defer: Deferral | None = Field(default=None, description="Deferrals before acceptance.")
    greylist: Greylisting | None = Field(default=None, description="Greylisting per triplet.")
    rate: MessageRate | None = Field(default=None, description="Message rate per source IP.")
    quota: tuple[Quota, ...] = Field(default=(), description="Quotas per day.")
    connections: ConnectionLimit | None = Field(
        default=None, description="Connections at once, and messages in each."
    )
    reputation: Reputation | None = Field(
        default=None, description="A reputation per source IP, and what it brings."
    )
    bounce_later: BounceLater | None = Field(
        default=None, description="Bounces of mail that was accepted."
    )
    auto_reply: AutoReply | None = Field(default=None, description="Out-of-office replies.")
    complain: Complain | None = Field(default=None, description="Complaints of recipients.")

    @model_validator(mode="after")
    def _quotas_differ(self) -> "Personality":
        kinds = [(each.of, each.resets) for each in self.quota]
        if len(set(kinds)) < len(kinds):
            raise ValueError("expected quotas that differ in `of` or `resets`")
        return self
