"""The start and the end of a lab, in its audit."""

import contextlib
import os
from typing import Self

from lab.lifetime import this_user
from store import audit
from store.engine import Store
from store.errors import StoreUnavailable
from world.clock import Clock


class Audited:
    """Notes the start of a lab in its audit and, if there was one, its end."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._who = f"`mtalab up` of {this_user()} (pid {os.getpid()})"
        self._has_begun = False

    def begins(self) -> None:
        self._note("starts the lab")
        self._has_begun = True

    def _note(self, what: str) -> None:
        self._store.write_now(audit.note, self._clock.now(), f"{self._who} {what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_begun:
            with contextlib.suppress(StoreUnavailable):
                self._note("has stopped the lab")
