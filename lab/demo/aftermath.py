"""What comes back after the demo's mail: readers and late bounces, waited for and summed up."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.accounts import reconciled
from lab.configuration import Loaded
from lab.reading_state import are_readers_done
from lab.tracking_accounts import TrackingAccount, tracking_account
from monitor.reconcile import Reconciliation
from monitor.tracking_figures import NAMES
from sinks.outgoing import still_waiting
from store.engine import Store
from world.clock import Clock

LOOK_EVERY_S: Final = 0.3
OVER_WITHIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The accounts of what sinks received and sent back, and of what readers did."""

    receipts: Reconciliation
    tracking: TrackingAccount

    @property
    def is_ok(self) -> bool:
        return self.receipts.is_ok() and self.tracking.found.is_ok

    @property
    def figures(self) -> Mapping[str, Mapping[str, int]]:
        """Of readers, by name: what they did, what was measured, and that without machines."""
        found: Mapping[str, Mapping[str, int]] = self.tracking.figures.as_json()
        return {name: found[name] for name in NAMES}

    def as_json(self) -> dict[str, Any]:
        """Its part of what ``docs/json.md`` promises for ``demo``."""
        measured = self.tracking.figures.measured.figures()
        return {
            "opens": measured["opens"],
            "clicks": measured["clicks"],
            "unsubscribes": measured["opt_outs"],
            "bounces_async": self.receipts.kept,
            "tracking": self.tracking.as_json(),
        }


async def aftermath(store: Store, loaded: Loaded, clock: Clock) -> Aftermath:
    """Wait until all has come back, or for long enough, and hold it to account."""
    deadline = clock.monotonic() + OVER_WITHIN_S
    while True:
        is_over = are_readers_done(loaded) and not still_waiting(loaded.directory)
        if is_over or clock.monotonic() > deadline:
            found = Aftermath(reconciled(store, loaded), tracking_account(store, loaded))
            # What the server wrote down last is in the store a moment later.
            if found.is_ok or clock.monotonic() > deadline:
                return found
        await asyncio.sleep(LOOK_EVERY_S)
