"""What a webhook is to be told next: read from both logs, as far as they are settled."""

from dataclasses import dataclass
from typing import Final

from lab.webhook_names import Wanted
from lab.webhooks.body import letter_of
from store import log, webhooks
from store.engine import Tx
from store.tail import Tail
from store.webhooks import Cursor, Letter, TrackingEvent, Webhook

ROWS_MAX: Final = 20_000  # looked through at once: some 50 ms of the store's thread


@dataclass(frozen=True, slots=True)
class Found:
    """How far was read, and the request for what was found; None: nothing that is asked for."""

    until: Cursor
    letter: Letter | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one webhook asks for; its methods are operations of the store.

    Args:
        wanted: the kinds of events.
        batch: so many events at most.
        domain: of the lab's return paths.
        transitions: the end of that log.
        tracking: of the other.
    """

    wanted: Wanted
    batch: int
    domain: str
    transitions: Tail
    tracking: Tail

    def next(self, tx: Tx, webhook: Webhook) -> Found:
        """The next events, or those of the request that is under way."""
        until = webhook.under_way
        if until is not None:
            return Found(until, self._all(tx, webhook, until))
        # Tracking first: what led to a click is then seen too, and told before it.
        clicks_end, changes_end = self.tracking.advance(tx), self.transitions.advance(tx)
        # SQLite gives the numbers of rows anew when the last ones are gone.
        told = Cursor(
            min(webhook.transition_id, self.transitions.newest),
            min(webhook.tracking_id, self.tracking.newest),
        )
        clicks_end = min(clicks_end, told.tracking_id + ROWS_MAX)
        changes_end = min(changes_end, told.transition_id + ROWS_MAX)
        changes = self._changes(tx, told, changes_end, self.batch)
        if len(changes) == self.batch:
            changes_end = changes[-1].transition.id
        clicks: list[TrackingEvent] = []
        if len(changes) == self.batch:
            clicks_end = told.tracking_id
        else:
            clicks = self._clicks(tx, told, clicks_end, self.batch - len(changes))
            if len(changes) + len(clicks) == self.batch:
                clicks_end = clicks[-1].id
        until = Cursor(
            max(changes_end, told.transition_id),
            max(clicks_end, told.tracking_id),
        )
        if not changes and not clicks:
            return Found(until, None)
        return Found(until, letter_of(webhook, until, changes, clicks, self.domain))

    def _all(self, tx: Tx, webhook: Webhook, until: Cursor) -> Letter | None:
        """The request that was begun; None if nothing of it is there or asked for any more."""
        told = webhook.told
        changes = self._changes(tx, told, until.transition_id, ROWS_MAX)
        clicks = self._clicks(tx, told, until.tracking_id, ROWS_MAX)
        if not changes and not clicks:
            return None
        return letter_of(webhook, until, changes, clicks, self.domain)

    def _changes(self, tx: Tx, told: Cursor, end: int, limit: int) -> list[log.Event]:
        if not self.wanted.messages or end <= told.transition_id:
            return []
        return log.events(
            tx,
            log.Filter(),
            after_id=told.transition_id,
            up_to_id=end,
            limit=limit,
            only=self.wanted.messages,
        )

    def _clicks(self, tx: Tx, told: Cursor, end: int, limit: int) -> list[TrackingEvent]:
        if not self.wanted.tracking or end <= told.tracking_id:
            return []
        return webhooks.tracking_events(
            tx, self.wanted.tracking, after_id=told.tracking_id, up_to_id=end, limit=limit
        )
