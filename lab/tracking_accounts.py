"""Ledger and tracking log brought together: what ``reconcile --tracking`` asks the monitor.

Which of the readers' requests has to be recorded follows from what the server promises: the pixel
and links by their redirect, the mirror page when it is shown, an unsubscription when it is posted.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from lab.configuration import Loaded
from mail.tracked import PIXEL, Kind
from monitor.tracking_accounts import (
    Act,
    TrackingReconciliation,
    differences,
    reconcile_tracking,
)
from monitor.tracking_figures import Figures
from store import tracked_urls, tracking_accounts
from store.engine import Store
from store.tracking_accounts import Logged
from tracking.readers.browser import TIMEOUT_S
from tracking.readers.ledger import Entry, Result, entries
from tracking.readers.plan import What
from tracking.readers.seeing import Claim, claim_of

_PAGE: Final = 10_000
_DID: Final = {
    What.OPEN: Kind.OPEN,
    What.CLICK: Kind.CLICK,
    What.OPT_OUT: Kind.OPT_OUT,
    What.MIRROR: Kind.MIRROR,
}
_NOT_DONE: Final = (Result.FAILED, Result.NOTHING)


class _Tracked(NamedTuple):
    kinds: dict[int, Kind]
    valid_until: float | None


@dataclass(slots=True)
class TrackingAccount:
    """The verdict, and the figures side by side."""

    found: TrackingReconciliation
    figures: Figures
    lines: int  # of the ledger
    failed: int  # acts that reached no server

    def as_json(self) -> dict[str, Any]:
        """The shape that ``docs/json.md`` promises."""
        values = self.found.as_json()
        return {
            "ok": values.pop("ok"),
            "lines": self.lines,
            "failed": self.failed,
            **values,
            "figures": self.figures.as_json(),
        }


def tracking_account(store: Store, loaded: Loaded) -> TrackingAccount:
    """The whole ledger against the whole log.

    Raises:
        DamagedLedger: a line of the ledger is none.
        LedgerUnwritable: it cannot be read.
    """
    reading = _Reading(store, loaded)
    found = reconcile_tracking(
        reading.acts(),
        reading.figures.watch(_logs(store)),
        loaded.configuration.tracking.dedup_opens,
    )
    rows = store.read_now(tracking_accounts.counts_of_rows)
    counted = store.read_now(tracking_accounts.counts_of_counters)
    found.differences = tuple(differences(rows, counted))
    return TrackingAccount(found, reading.figures, reading.lines, reading.failed)


def _logs(store: Store) -> Iterator[Logged]:
    last = 0
    while rows := store.read_now(tracking_accounts.logs, last, _PAGE):
        yield from rows
        last = rows[-1].id


@dataclass(slots=True)
class _Reading:
    """The ledger as it is read, once."""

    store: Store
    loaded: Loaded
    figures: Figures = field(default_factory=Figures)
    lines: int = 0
    failed: int = 0
    _tracked: dict[int, _Tracked | None] = field(default_factory=dict)

    def acts(self) -> Iterator[Act]:
        """Those requests that have to be recorded; the others are counted on the way."""
        for entry in entries(self.loaded.directory):
            self.lines += 1
            self._count(entry)
            act = self._act(entry)
            if act is not None:
                yield act

    def _count(self, entry: Entry) -> None:
        self.failed += entry.result == Result.FAILED
        kind = _DID.get(What(entry.act))
        if kind is None or entry.message_id is None or entry.result in _NOT_DONE:
            return
        # An act of several requests is done once; one of unsubscribing when its last is sent.
        if entry.is_last if kind is Kind.OPT_OUT else entry.request == 0:
            person = f"{entry.who} {entry.recipient}"
            self.figures.real.add(entry.delivery_id or 0, entry.message_id, kind, person)

    def _act(self, entry: Entry) -> Act | None:
        if entry.result not in (Result.DONE, Result.DOUBT):
            return None
        claim = claim_of(entry.url)
        tracked = None if claim is None else self._of(claim.token.delivery_id)
        if claim is None or tracked is None:
            return None  # nothing is known of it any more, or it never was tracked
        kind = _recorded_as(entry, claim, tracked)
        if kind is None:
            return None
        answered = entry.at + TIMEOUT_S if entry.answered_at is None else entry.answered_at
        return Act(
            entry.key,
            claim.token.delivery_id,
            claim.token.message_id,
            claim.token.url,
            kind,
            entry.at,
            answered,
            entry.is_machine,
            entry.result == Result.DONE,
        )

    def _of(self, delivery_id: int) -> _Tracked | None:
        if delivery_id not in self._tracked:
            found = self.store.read_now(tracked_urls.of, delivery_id)
            self._tracked[delivery_id] = (
                None
                if found is None
                else _Tracked({each.number: each.kind for each in found.urls}, found.valid_until)
            )
        return self._tracked[delivery_id]


def _recorded_as(entry: Entry, claim: Claim, tracked: _Tracked) -> Kind | None:
    """As what the request has to stand in the log; None: not at all."""
    is_expired = tracked.valid_until is not None and entry.at >= tracked.valid_until
    is_taken = entry.status is None or entry.status < 400
    if is_expired or not is_taken:
        return None
    if claim.door == "u":
        return Kind.OPT_OUT if entry.method == "POST" else None
    if claim.door == "m":
        return Kind.MIRROR
    if claim.token.url == PIXEL:
        return Kind.OPEN
    return None if _leads_on(entry) else tracked.kinds.get(claim.token.url)


def _leads_on(entry: Entry) -> bool:
    """Whether a link leads to a page of the same server, where what is done is recorded."""
    if not entry.location:
        return False
    claim = claim_of(entry.location)
    return claim is not None and claim.door != "r" and _place(entry.location) == _place(entry.url)


@functools.lru_cache(maxsize=1024)
def _place(url: str) -> str:
    return urlsplit(url).netloc
