"""What a report is asked for."""

from dataclasses import dataclass

from affinity.configuration import Configuration
from mail.reason import Reason
from store.report_scope import Reported, Scope
from store.report_tables import SLOT_S
from store.report_traffic import Span

DAY_S = 86_400.0
FOR_EVER_S = float(2**53)


@dataclass(frozen=True, slots=True)
class Request:
    """Times in epoch seconds; ``since`` and ``until`` None: not said.

    ``configured_at``: since when the configuration stands, as far as running processes tell.
    """

    now: float
    configuration: Configuration
    delivery: Reported | None = None
    since: float | None = None
    until: float | None = None
    scale_s: float | None = None  # the length of time that is shown
    humans: bool = False
    domain: str | None = None  # drill: of this domain or MX group alone
    reason: Reason | None = None  # drill: of this reason alone
    source_ip: str | None = None  # drill: by this source IP alone
    configured_at: float | None = None

    @property
    def scope(self) -> Scope:
        """The deliveries: the one, or those whose contact date lies within the time."""
        if self.delivery is not None:
            return Scope(self.delivery.id)
        until = FOR_EVER_S if self.until is None else self.until
        return Scope(None, self.since or 0.0, until)

    def time(self, default_s: float = DAY_S) -> tuple[float, float]:
        """From when to when traffic is shown.

        Without ``since``: from the delivery's start, or for as long as the scale or, without one,
        the default has it.
        """
        until = self.now if self.until is None else self.until
        if self.since is not None:
            return self.since, until
        if self.delivery is not None and self.scale_s is None:
            start = self.delivery.started_at
            return self.delivery.contact_at if start is None else start, until
        return until - (self.scale_s or default_s), until

    def span(self, default_s: float = DAY_S) -> Span:
        """The slots that the time touches."""
        since, until = self.time(default_s)
        first = int(since // SLOT_S)
        number = None if self.delivery is None else self.delivery.id
        return Span(first, max(first, int(-(-until // SLOT_S))), number)
