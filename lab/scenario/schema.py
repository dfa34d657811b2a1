"""What a scenario file may say. ``docs/scenario.schema.json`` is generated from here."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from affinity.configuration import IpAddress, Seconds, Table
from lab.scenario.acts import Act, needs_simulation
from lab.scenario.count import Count
from lab.scenario.when import When, in_utc
from mail.cause import Cause, Progress
from mail.notation import seconds
from mail.states import DeliveryStatus, MessageStatus

BEGINS: Final = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
LASTS_S: Final = 600.0

Why = Cause | Progress


class Delivery(Table):
    """One delivery, submitted at its time."""

    name: str = Field(default="", description="For events and expectations; default: its number.")
    at: When = Field(default=2.0, description="When it is submitted.")
    affinity: str = Field(description="The affinity that it names.")
    messages: int = Field(default=10, ge=1, le=1_000_000, description="How many.")
    domains: dict[str, int] = Field(
        default={"example.test": 1},
        min_length=1,
        description="Recipient domain → its share, in whole parts.",
    )
    recipients: str | None = Field(
        default=None, description="A CSV or JSON-lines file beside this one, in place of these two."
    )
    message: str | None = Field(
        default=None, description="The source of the message; default: a short text."
    )
    size: int | None = Field(
        default=None, ge=1, description="Bytes of text to add to the default message."
    )
    contact: When | None = Field(default=None, description="Its contact date; default: at once.")
    validity: Annotated[float, BeforeValidator(seconds)] | None = Field(
        default=None, gt=0, description="How long it may try; default: as configured."
    )
    priority: int = Field(default=0, description="Higher goes first.")
    hold: bool = Field(default=False, description="Submitted, and not confirmed yet.")
    waves: str | None = Field(
        default=None, description="As `mtalab submit --waves` takes it: 30%:6h."
    )


class Limit(Table):
    """No more than so many accepted messages within any span of this length."""

    messages: int = Field(ge=0)
    per: Seconds = Field(gt=0)
    source_ip: IpAddress | None = Field(default=None, description="Of this source IP alone.")
    sink: str | None = Field(default=None, description="At this sink alone.")


class Expectation(Table):
    """What has to be so, at its time or at the end."""

    at: When | Literal["end"] = Field(
        default="end", description='"end", a time after the beginning, or a date.'
    )
    delivery: str | None = Field(default=None, description="Of this one; default: of all.")
    counts: dict[MessageStatus, Count] = Field(
        default_factory=dict, description="Messages by status."
    )
    causes: dict[Why, Count] | None = Field(
        default=None,
        description="Pending messages by cause, or `ready` and `in_flight`: exactly these.",
    )
    status: DeliveryStatus | None = Field(default=None, description="Of the delivery.")
    by_ip: dict[IpAddress, Count] = Field(
        default_factory=dict, description="Sent messages by the source IP they left from."
    )
    sent_within: Seconds | None = Field(
        default=None, description="All were sent within this time of submission or contact date."
    )
    order: tuple[str, ...] = Field(
        default=(), description="Deliveries whose last messages were sent in this order."
    )
    at_most: tuple[Limit, ...] = Field(default=(), description="Limits that were kept.")
    duplicates: Count | None = Field(default=None, description="Messages that arrived twice.")
    lost: Count | None = Field(default=None, description="Sent, but never received.")
    opens: Count | None = Field(
        default=None, description="Opens in the tracking log, of people and of machines."
    )
    clicks: Count | None = Field(default=None, description="Clicks in it, likewise.")
    unsubscribes: Count | None = Field(default=None, description="Unsubscriptions in it.")
    tracking_disagreements: Count | None = Field(
        default=None,
        description="What `reconcile --tracking` finds missing, made up, of a wrong kind or "
        "counted wrongly; of all deliveries.",
    )
    free_to_go_at: When | None = Field(
        default=None,
        description="What `why` says is the earliest time that the first of them can go, give or "
        "take a second.",
    )

    @model_validator(mode="after")
    def _expects_something(self) -> "Expectation":
        if not (self.model_fields_set - {"at", "delivery"}):
            raise ValueError("expected something to be expected, such as counts or causes")
        if self.status is not None and self.delivery is None:
            raise ValueError("expected the delivery whose status it is")
        return self


class Scenario(Table):
    """A scenario."""

    name: str = Field(
        default="",
        pattern=r"^[^/\\]*$",  # of a folder, where its lab is kept
        description="Its name; default: that of the file.",
    )
    story: str = Field(default="", description="What happens, for people.")
    lab: str | None = Field(
        default=None, description="A configuration file beside this one, in place of topology."
    )
    topology: dict[str, Any] | None = Field(
        default=None,
        description="The configuration, as mtalab.toml has it. Without routes all mail goes to a "
        "sink `inbox`, which accepts it.",
    )
    modes: tuple[Literal["simulated", "real"], ...] = Field(
        default=("simulated",), min_length=1, description="How it can be run."
    )
    seed: int = Field(default=1, description="Of all chance in it.")
    begins: Annotated[datetime, AfterValidator(in_utc)] = Field(
        default=BEGINS, description="The date at its beginning, in simulation."
    )
    begins_stopped: bool = Field(default=False, description="Nothing runs until `up`.")
    lasts: Seconds = Field(
        default=LASTS_S,
        gt=0,
        description="It ends then, or when all has happened and nothing is pending.",
    )
    tick: Seconds | None = Field(
        default=None,
        description="What becomes due with time is acted on when the next tick comes. Default: "
        "a 1440th of lasts from 12 minutes on, else as fast as the lab looks.",
    )
    delivery: tuple[Delivery, ...] = ()
    event: tuple[Act, ...] = ()
    expect: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _has_a_lab(self) -> "Scenario":
        if (self.lab is None) == (self.topology is None):
            raise ValueError("expected either topology or lab")
        return self

    @model_validator(mode="after")
    def _speaks_of_deliveries_it_has(self) -> "Scenario":
        names = [each.name or str(number) for number, each in enumerate(self.delivery, 1)]
        twice = {each for each in names if names.count(each) > 1}
        if twice:
            raise ValueError(f"expected names of their own, but two deliveries are {twice.pop()!r}")
        spoken_of = [getattr(each, "delivery", None) for each in (*self.event, *self.expect)]
        spoken_of += [name for each in self.expect for name in each.order]
        for name in spoken_of:
            if name is not None and name not in names:
                raise ValueError(f"expected a delivery of this file, got {name!r}")
        return self

    @model_validator(mode="after")
    def _can_be_run_as_it_says(self) -> "Scenario":
        if "real" in self.modes:
            impossible = [each.do for each in self.event if needs_simulation(each)]
            if impossible:
                raise ValueError(
                    f"expected no {impossible[0]!r} in a scenario that can be run for real"
                )
        return self
