"""How readers read, as ``mtalab.toml`` has it under ``[reader.NAME]`` and ``[readers]``."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from affinity.configuration import Seconds, Table

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PROXY: Final = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ImageProxy)"
SCANNER: Final = "Mozilla/5.0 (compatible; LinkScanner/1.0)"
_LINE_MAX: Final = 500


class Delay(Table):
    """A lognormal time: half of all are shorter than the median."""

    median: Seconds = Field(description="Half of them are shorter.")
    sigma: float = Field(
        default=1.0,
        ge=0,
        le=5,
        allow_inf_nan=False,
        description="Of its logarithm: at 1, a sixth are longer than 2.7 medians; 0: all alike.",
    )


def _delay(value: Any) -> Any:
    """A duration alone is its median."""
    return {"median": value} if isinstance(value, str | int | float) else value


def _header_text(value: str) -> str:
    if not value.isascii() or not value.isprintable() or len(value) > _LINE_MAX:
        raise ValueError("expected one line of printable ASCII")
    return value.strip()


Lognormal = Annotated[Delay, BeforeValidator(_delay)]
Agent = Annotated[str, AfterValidator(_header_text)]


class Reader(Table):
    """A persona: how some of the recipients read their mail.

    Each delay is lognormal, and a duration alone is its median. ``delay``, from a message's arrival
    to its open: 2h, sigma 1.2. ``reopen_delay``, between two opens: 12h, sigma 1. ``click_delay``,
    from the open or the click before: 40s, sigma 1.
    """

    like: str | None = Field(
        default=None, description="A built-in persona (`mtalab readers list`) that it starts from."
    )
    share: Share | None = Field(
        default=None,
        description="Its share of the recipients; shares add up in the order of the file, and "
        "whoever is left reads nothing. None: all that no reader before it has.",
    )
    recipients: tuple[str, ...] = Field(
        default=(), description="Masks of addresses, such as *@a.test, that it is for; empty: all."
    )
    opens: Share = Field(default=0.5, description="Who opens a message.")
    delay: Lognormal = Field(
        default=Delay(median=7200.0, sigma=1.2), description="From its arrival to that."
    )
    within: Seconds = Field(
        default=432_000.0, gt=0, description="What would be done later is not done at all."
    )
    reopens: Share = Field(default=0.0, description="Of those, who open it again; and once more.")
    reopen_delay: Lognormal = Field(
        default=Delay(median=43_200.0, sigma=1.0), description="Between two opens."
    )
    clicks: Share = Field(default=0.0, description="Of those who open it, who click.")
    more_clicks: Share = Field(default=0.0, description="Who click once more; and once more.")
    click_delay: Lognormal = Field(
        default=Delay(median=40.0, sigma=1.0), description="From the open, or the click before."
    )
    click_weights: dict[str, float] = Field(
        default_factory=dict,
        description="Mask of a link's text or URL → its weight; the first that fits; none: 1.",
    )
    mirror: Share = Field(default=0.0, description="Of those who open it, who see the mirror page.")
    unsubscribes: Share = Field(default=0.0, description="Of those who open it, who unsubscribe.")
    unsubscribes_by: Literal["page", "one_click"] = Field(
        default="page",
        description="By the link in the message and the button of its page, or by the mail "
        "program's own button (List-Unsubscribe, RFC 8058).",
    )
    forwards: Share = Field(
        default=0.0,
        description="Of those who open it, who forward it to somebody who opens it too.",
    )
    images: bool = Field(default=True, description="Whether images are shown.")
    text_only: bool = Field(default=False, description="Reads the text part, without images.")
    cookies: bool = Field(default=True, description="Whether the browser keeps cookies.")
    proxy: Literal["off", "unseen", "seen"] = Field(
        default="off",
        description="A proxy that fetches all images at delivery. What people open later is then "
        "unseen (it has the images), or seen (it fetches them again).",
    )
    scanner: bool = Field(
        default=False, description="A gateway that follows every link within a second of delivery."
    )
    scanner_heads: Share = Field(
        default=0.0, description="The share of links that it asks for with HEAD."
    )
    agent: Agent = Field(default=BROWSER, description="User-Agent of its browser.")
    proxy_agent: Agent = Field(default=PROXY, description="User-Agent of the proxy.")
    scanner_agent: Agent = Field(default=SCANNER, description="User-Agent of the gateway.")

    @field_validator("click_weights")
    @classmethod
    def _weights_are_weights(cls, weights: dict[str, float]) -> dict[str, float]:
        for mask, weight in weights.items():
            if not 0 <= weight <= 1e6:
                raise ValueError(f"expected a weight from 0 to 1000000 for {mask!r}")
        return weights


class ReadersSettings(Table):
    """What all readers have in common."""

    seed: int = Field(default=1, description="Of all their chance: the same one, the same acts.")
    retries: int = Field(
        default=3,
        ge=0,
        le=100,
        description="How often an act is tried again, with no server there.",
    )
    retry_delay: Seconds = Field(
        default=5.0, gt=0, description="Before the first of these; twice as long before each next."
    )
    largest_message: int = Field(
        default=2_000_000, ge=1000, description="Bytes; larger ones are not read."
    )
