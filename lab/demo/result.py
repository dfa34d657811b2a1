"""What a run of the demo came to, for people and as one JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.demo.aftermath import Aftermath
from lab.demo.figures import Figures
from mail.states import MessageStatus
from store.log import Message, Transition


@dataclass(frozen=True, slots=True)
class Result:
    """The account of a run; rates are over the time from submission to the last answer."""

    figures: Figures
    expected: int
    seconds: float
    started_at: float
    source_ips: Sequence[Mapping[str, Any]]
    example: tuple[Message, Sequence[Transition]]
    aftermath: Aftermath

    @property
    def messages_per_hour(self) -> float:
        return self.figures.count(MessageStatus.SENT) / self.seconds * 3600

    @property
    def bits_per_second(self) -> float:
        return self.figures.total.bytes * 8 / self.seconds

    @property
    def is_complete(self) -> bool:
        """Every message was submitted, is answered, and agrees with receipts and readers."""
        return (
            self.figures.messages == self.expected
            and self.figures.count(MessageStatus.PENDING) == 0
            and self.aftermath.is_ok
        )

    def as_json(self) -> dict[str, Any]:
        """The shape that ``docs/json.md`` promises for ``demo``."""
        figures = self.figures
        return {
            "messages": figures.messages,
            **{str(status): figures.count(status) for status in MessageStatus},
            "seconds": round(self.seconds, 3),
            "messages_per_hour": round(self.messages_per_hour, 1),
            "bits_per_second": round(self.bits_per_second, 1),
            "attempts": figures.total.attempts,
            "by_reason": [
                {"status": status, "reason": reason.label, "messages": messages}
                for (status, reason), messages in sorted(figures.by_reason.items())
            ],
            "by_source_ip": list(self.source_ips),
            "by_worker": {name: asdict(tally) for name, tally in figures.by_worker.items()},
            "by_mx_group": {name: asdict(tally) for name, tally in figures.by_mx_group.items()},
            **self.aftermath.as_json(),
            "reconcile": self.aftermath.receipts.as_json(),
            "ok": self.is_complete,
        }
