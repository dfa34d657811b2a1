"""What became of messages, summed from their counters: the ground of most reports."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mail.reason import Reason
from mail.states import MessageStatus
from monitor.reports.ratio import share
from store.report_messages import DomainCount, StatusCount

# The reasons for which the modelled system's report shows errors.
SHOWN: Final = (
    Reason.USER_UNKNOWN,
    Reason.INVALID_DOMAIN,
    Reason.UNREACHABLE,
    Reason.ACCOUNT_DISABLED,
    Reason.MAILBOX_FULL,
    Reason.NOT_CONNECTED,
    Reason.REFUSED,
)


@dataclass(slots=True)
class Tally:
    """Messages by status; those that failed and those left out also by reason."""

    status: Counter[MessageStatus] = field(default_factory=Counter)
    failed: Counter[Reason] = field(default_factory=Counter)
    ignored: Counter[Reason] = field(default_factory=Counter)

    def add(self, status: MessageStatus, reason: Reason, messages: int) -> None:
        self.status[status] += messages
        if status is MessageStatus.FAILED:
            self.failed[reason] += messages
        elif status is MessageStatus.IGNORED:
            self.ignored[reason] += messages

    @property
    def population(self) -> int:
        """All that were submitted."""
        return sum(self.status.values())

    @property
    def to_deliver(self) -> int:
        """Those that the analysis let through."""
        return self.population - self.status[MessageStatus.IGNORED]

    @property
    def success(self) -> int:
        return self.status[MessageStatus.SENT]

    @property
    def errors(self) -> int:
        return self.status[MessageStatus.FAILED]

    @property
    def processed(self) -> int:
        """Those that have come to an end by being tried."""
        return self.success + self.errors

    def rate(self, messages: int) -> float:
        """Their share of the messages to deliver."""
        return share(messages, self.to_deliver)


def tally(counts: Iterable[StatusCount]) -> Tally:
    """Of deliveries together."""
    found = Tally()
    for each in counts:
        found.add(each.status, each.reason, each.messages)
    return found


def tallies(counts: Iterable[DomainCount]) -> dict[str, Tally]:
    """Of each domain; what is pending is in none of them."""
    found: dict[str, Tally] = {}
    for each in counts:
        found.setdefault(each.domain, Tally()).add(each.status, each.reason, each.messages)
    return found
