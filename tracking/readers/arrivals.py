"""What readers are told of: mail that arrived, and what its links were before they were tracked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message for one recipient, as a sink accepted it."""

    receipt: str  # its id
    at: float  # epoch seconds
    recipient: str
    header: str | None  # Message-ID, with angle brackets
    size: int  # bytes
    is_kept: bool  # whether its content can be read
    delivery_id: int | None  # None: it is no mail of this lab
    message_id: int | None

    @property
    def key(self) -> str:
        """The same for each copy of a message: a mail program shows it once."""
        return f"{self.header or self.receipt} {self.recipient}"


class Mailboxes(Protocol):
    """Where mail arrives."""

    def new(self) -> Iterable[Arrival]:
        """What has arrived since this was last asked; all of it, at first."""
        ...

    def content(self, arrival: Arrival) -> bytes:
        """The message; raises MessageNotRead."""
        ...

    def read_to(self) -> Mapping[str, int]:
        """How far each sink's receipts have been read, in bytes."""
        ...


class Original(NamedTuple):
    """A tracked URL of a delivery as its author wrote it."""

    url: str
    label: str
    kind: int  # mail.tracked.Kind


class Originals(Protocol):
    """Knows them."""

    async def of(self, delivery_id: int) -> Mapping[int, Original]:
        """By number; empty if nothing is known of the delivery, or not now."""
        ...
