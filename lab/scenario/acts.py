"""What may happen in a scenario: one table of the timeline each, told apart by ``do``."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, model_validator

from affinity.configuration import IpAddress, Seconds, Table
from lab.scenario.when import When

What = Annotated[
    str,
    Field(
        pattern=r"^(scheduler|sinks|submission|inmail|tracking|webhooks|up"
        r"|mta@[\w-]+|worker of mta@[\w-]+)$",
        description="scheduler, sinks, submission, inmail, tracking, webhooks, up, mta@NAME, or "
        "worker of mta@NAME (the first of its workers that lives).",
    ),
]
Delivery = Annotated[str, Field(description="Its name in this file.")]


class _Act(Table):
    at: When = Field(description='When: so long after the beginning, "90s", or a date.')


class Up(_Act):
    """Start the lab; it is started at the beginning unless ``begins_stopped``."""

    do: Literal["up"]


class Down(_Act):
    """Stop the lab in order."""

    do: Literal["down"]


class Kill(_Act):
    """End a process as SIGKILL does."""

    do: Literal["kill"]
    what: What
    point: str | None = Field(
        default=None,
        description="Not at once, but when it next reaches this point; docs/crash-safety.md has "
        'them, such as "worker.reply_heard", before an outcome is journalled.',
    )


class Stall(_Act):
    """Stop a process as SIGSTOP does: it keeps its connections and does nothing."""

    do: Literal["stall"]
    what: What


class Continue(_Act):
    """Let a stalled process go on."""

    do: Literal["continue"]
    what: What


class StopInstance(_Act):
    """``mtalab mta stop``: an operator stops an instance."""

    do: Literal["stop_instance"]
    instance: str


class StartInstance(_Act):
    """``mtalab mta start``."""

    do: Literal["start_instance"]
    instance: str


class Pause(_Act):
    """``mtalab pause``."""

    do: Literal["pause"]
    delivery: Delivery


class Resume(_Act):
    """``mtalab resume``."""

    do: Literal["resume"]
    delivery: Delivery


class Cancel(_Act):
    """``mtalab cancel``."""

    do: Literal["cancel"]
    delivery: Delivery


class Retry(_Act):
    """``mtalab retry``: what has failed is pending again."""

    do: Literal["retry"]
    delivery: Delivery


class Confirm(_Act):
    """``mtalab confirm``: let a delivery go that was submitted with ``hold``."""

    do: Literal["confirm"]
    delivery: Delivery


class StartWave(_Act):
    """``mtalab wave start``: a wave goes before its time."""

    do: Literal["start_wave"]
    delivery: Delivery
    wave: int = Field(ge=1)


class SuspendLane(_Act):
    """``mtalab lane suspend``."""

    do: Literal["suspend_lane"]
    lane: str = Field(description="SOURCE_IP>MX_GROUP, or *>MX_GROUP for a shared one.")
    lasts: Seconds | None = Field(default=None, description="None: until it is resumed.")
    because: str = ""


class ResumeLane(_Act):
    """``mtalab lane resume``."""

    do: Literal["resume_lane"]
    lane: str


class Configure(_Act):
    """The configuration file is edited while the lab runs."""

    do: Literal["configure"]
    set: dict[str, Any] = Field(
        default_factory=dict,
        description='Dotted key → new value: {"mta.m1.affinities" = ["promo"]}.',
    )
    remove: tuple[str, ...] = Field(default=(), description="Dotted keys that go.")

    @model_validator(mode="after")
    def _says_something(self) -> "Configure":
        if not self.set and not self.remove:
            raise ValueError("expected set or remove")
        return self


class Become(_Act):
    """``mtalab sink set``: a sink behaves otherwise from now on."""

    do: Literal["personality"]
    sink: str
    personality: str


class Network(_Act):
    """Something befalls the way to a place, or it is well again. Simulation only."""

    do: Literal["network"]
    place: str = Field(description="ADDRESS:PORT, ADDRESS, or * for all.")
    is_: Literal["silent", "refusing", "reset", "slow", "lossy", "healed"] = Field(
        alias="is",
        description="silent: nothing arrives; refusing: no connection is accepted; reset: those "
        "that are open are torn; slow: latency more each way; lossy: each segment may tear its "
        "connection; healed: nothing of all that.",
    )
    latency: Seconds = Field(default=1.0, description="For slow.")
    share: float = Field(default=0.05, gt=0, le=1, description="For lossy.")


class CutOff(_Act):
    """A process does not reach the store any more. Simulation only."""

    do: Literal["cut_off"]
    what: What


class Rejoin(_Act):
    """It reaches the store again."""

    do: Literal["rejoin"]
    what: What


class Skew(_Act):
    """The wall clock of a process goes wrong by so much. Simulation only."""

    do: Literal["skew"]
    what: What
    by: float = Field(description="Seconds; negative: it is slow.")


class FillDisk(_Act):
    """No room is left for journals, or for the store; for real, for neither."""

    do: Literal["fill_disk"]
    of: Literal["journals", "store"]


class FreeDisk(_Act):
    """There is room again."""

    do: Literal["free_disk"]
    of: Literal["journals", "store"]


class RemoveIp(_Act):
    """This host loses an address, which can then not be sent from. Simulation only."""

    do: Literal["remove_ip"]
    address: IpAddress


class AddIp(_Act):
    """It has the address again."""

    do: Literal["add_ip"]
    address: IpAddress


class LendNothing(_Act):
    """The scheduler lives and hands out nothing: a bug of ours, played. Simulation only."""

    do: Literal["lend_nothing"]


class LendAgain(_Act):
    """It is mended."""

    do: Literal["lend_again"]


class Replan(_Act):
    """``mtalab replan``: queued mail is held against the configuration, by hand."""

    do: Literal["replan"]


Act = Annotated[
    Up
    | Down
    | Kill
    | Stall
    | Continue
    | StopInstance
    | StartInstance
    | Pause
    | Resume
    | Cancel
    | Retry
    | Confirm
    | StartWave
    | SuspendLane
    | ResumeLane
    | Configure
    | Become
    | Network
    | CutOff
    | Rejoin
    | Skew
    | FillDisk
    | FreeDisk
    | RemoveIp
    | AddIp
    | LendNothing
    | LendAgain
    | Replan,
    Field(discriminator="do"),
]

KINDS: Final[Mapping[str, type[Table]]] = {
    get_args(each.model_fields["do"].annotation)[0]: each for each in get_args(get_args(Act)[0])
}

_SIMULATED = (
    *(Network, CutOff, Rejoin, Skew, RemoveIp, AddIp),
    *(LendNothing, LendAgain),
)


def needs_simulation(act: Act) -> bool:
    """Whether nobody can do it to real processes."""
    return isinstance(act, _SIMULATED) or (isinstance(act, Kill) and act.point is not None)
