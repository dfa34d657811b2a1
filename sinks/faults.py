"""What a personality does to a session on purpose: refusals, silence, endings, slowness."""

from typing import Literal

from pydantic import Field, model_validator

from sinks.fields import Aimed, Mask, ReplyOrDrop, Seconds, Share, Table


class Refusal(Aimed):
    """A reply given instead of acceptance. The first that applies is given."""

    stage: Literal["connect", "ehlo", "starttls", "mail", "rcpt", "data", "body"] = Field(
        description="When it is given: as greeting, to EHLO and HELO, to STARTTLS, to MAIL, to "
        "RCPT, to DATA or to the end of data. 500 and 502 are given to EHLO alone, so that a "
        "client can go on with HELO; a rule for STARTTLS makes the sink offer it."
    )
    reply: ReplyOrDrop = Field(
        description='The reply, or "drop": the connection ends without one. {ip}, {mx}, {sender} '
        "and {recipient} are filled in. After 421 the connection is closed."
    )


class Stall(Aimed):
    """A reply that is held back, for a time or for ever. The first that applies is given."""

    stage: Literal["connect", "ehlo", "starttls", "mail", "rcpt", "data", "body", "quit"] = Field(
        description="Which reply: the greeting, or that to EHLO and HELO, STARTTLS, MAIL, RCPT, "
        "DATA, the end of data, or QUIT."
    )
    time: Seconds | None = Field(
        default=None, description="How long; none: until the peer leaves, and nothing is kept."
    )
    said: int = Field(
        default=0,
        ge=0,
        description="Bytes of the reply that are said before; a message whose reply began is kept.",
    )


class Cut(Aimed):
    """A connection that ends at a given point, for what would have been accepted there."""

    stage: Literal[
        "connect", "ehlo", "starttls", "mail", "rcpt", "data", "content", "body", "quit"
    ] = Field(
        description='Where: at the reply of that name, or in the midst of a message ("content").'
    )
    when: Literal["before", "after"] = Field(
        default="before", description="Before or after the reply of that stage is said."
    )
    after_bytes: int = Field(
        default=0,
        ge=0,
        description='Bytes of the message that are read first, with stage "content"; one that is '
        "shorter is cut at its end.",
    )
    kept: bool = Field(
        default=False,
        description='Whether the message counts as received, with stage "body" before its reply: '
        "the sender never hears of it.",
    )
    how: Literal["close", "reset"] = Field(
        default="close",
        description="Closed as usual (FIN) or torn (RST), which may take the last reply with it.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "Cut":
        if self.after_bytes and self.stage != "content":
            raise ValueError("after_bytes is for stage 'content' alone")
        if self.kept and (self.stage, self.when) != ("body", "before"):
            raise ValueError("kept is for stage 'body' before the reply alone")
        if self.stage == "content" and self.when == "after":
            raise ValueError("stage 'content' has no reply to come after; say stage 'body'")
        return self


class Tarpit(Table):
    """Replies that trickle, a few bytes at a time."""

    pause: Seconds = Field(default=1.0, description="Between one piece and the next.")
    piece: int = Field(default=1, ge=1, description="Bytes in one piece.")
    lasts: Seconds | None = Field(
        default=None, description="From the connection's begin; none: as long as it lasts."
    )
    share: Share = Field(
        default=1.0, description="Which share of the source IPs; the same ones each time."
    )
    peers: tuple[Mask, ...] = Field(
        default=(), description="Peer IPs that it is for, with * and ?; empty: all."
    )


class SlowClose(Table):
    """Connections that stay open after the last word was said."""

    delay: Seconds = Field(
        description="From the reply to QUIT, or from 421, until the sink closes; a peer that "
        "closes first is let go."
    )
