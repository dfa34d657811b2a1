"""What a test can ask for. Durations are "90s" or seconds; a delivery is called by its name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from affinity.configuration import Seconds, Table
from affinity.errors import BadConfiguration
from affinity.read_toml import read_values
from lab.scenario.surroundings import Mode
from lab.scenario.when import in_utc
from lab.serving.errors import BadRequest, NoSuchRequest
from mail.states import MessageStatus

_Model = TypeVar("_Model", bound=BaseModel)


class Hello(Table):
    """The first request: whether the two understand each other."""

    protocol: int
    plugin: str = ""


class Make(Table):
    """Make a lab and start it; of the first four at most one is given."""

    topology: dict[str, Any] | None = None
    text: str | None = None  # of an mtalab.toml
    file: str | None = None  # an mtalab.toml
    scenario: str | None = None  # a scenario file
    mode: Mode = "simulated"
    seed: int | None = None
    begins: Annotated[datetime, AfterValidator(in_utc)] | None = None
    tick: Seconds | None = None
    folder: str = "."  # of the test


class OfLab(Table):
    """A request about one lab."""

    lab: int


class Close(OfLab):
    """End it; nothing of it is left."""


class State(OfLab):
    """What and where it is."""


class Submit(OfLab):
    """A delivery; what it says besides is a ``[[delivery]]`` of a scenario."""

    delivery: dict[str, Any]
    contact_in: Seconds | None = None
    recipients: list[Any] | None = None  # addresses, or tables of fields
    message: str | None = None  # its source in base64
    message_file: str | None = None


class Run(OfLab):
    """Let time pass."""

    seconds: Seconds


class RunUntilDone(OfLab):
    """Let time pass until nothing is pending."""

    within: Seconds
    deliveries: tuple[str, ...] = ()


class Play(OfLab):
    """The rest of the scenario file."""


class Do(OfLab):
    """An ``[[event]]`` of a scenario, now."""

    event: dict[str, Any]


class Expect(OfLab):
    """An ``[[expect]]`` of a scenario, now."""

    expect: dict[str, Any]


class Counts(OfLab):
    """Messages by status."""

    delivery: str | None = None


class Deliveries(OfLab):
    """All of them."""


class Messages(OfLab):
    """A page of the delivery log."""

    delivery: str | None = None
    status: MessageStatus | None = None
    domain: str | None = None
    after: int = 0


class Transitions(OfLab):
    """All that happened to one message."""

    message: int


class Inbox(OfLab):
    """What arrived."""

    sink: str | None = None
    recipient: str | None = None
    subject: str | None = None
    limit: int | None = Field(default=None, ge=1)


class Why(OfLab):
    """Why what is pending is pending."""

    delivery: str | None = None
    message: int | None = None


class Events(OfLab):
    """The event log."""


class Reconcile(OfLab):
    """Receipts against the log."""


class Said(OfLab):
    """What the lab's processes said."""


KINDS: Final[Mapping[str, type[Table]]] = {
    "hello": Hello,
    "make": Make,
    "close": Close,
    "state": State,
    "submit": Submit,
    "run": Run,
    "run_until_done": RunUntilDone,
    "play": Play,
    "do": Do,
    "expect": Expect,
    "counts": Counts,
    "deliveries": Deliveries,
    "messages": Messages,
    "transitions": Transitions,
    "inbox": Inbox,
    "why": Why,
    "events": Events,
    "reconcile": Reconcile,
    "said": Said,
}


def request_of(kind: object, values: Mapping[str, Any]) -> Table:
    """A request as its values say it.

    Raises:
        NoSuchRequest: there is none of that kind.
        BadRequest: its values are not right.
    """
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise NoSuchRequest(kind, KINDS)
    return checked(model, values, str(kind))


def checked(model: type[_Model], values: Mapping[str, Any], name: str) -> _Model:
    """A table of values; ``name`` is what to call it in messages.

    Raises:
        BadRequest: with all mistakes.
    """
    try:
        return read_values(values, name, model)
    except BadConfiguration as error:
        raise BadRequest(error.mistakes) from None
