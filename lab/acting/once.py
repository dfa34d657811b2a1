"""A request that may be sent again: what it asks for is done once, and answered the same way."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

from lab.machine import Machine
from mail.errors import UserError, Where
from store import deliveries, idempotency
from store.engine import Store, Tx

_KEY: Final = Where(key="Idempotency-Key")


class KeyInUse(UserError):
    """The request that came first with this key is not answered yet."""


class KeyOfAnother(UserError):
    """The key came with another request before."""


class Turn:
    """The right to do what a key stands for; tell it in the transactions that do it."""

    def __init__(self, key: str, holder: idempotency.Holder) -> None:
        self._key, self._holder = key, holder

    def created(self, tx: Tx, delivery_id: int) -> None:
        """Raises KeyTaken."""
        idempotency.created(tx, self._key, self._holder, delivery_id)

    def answered(self, tx: Tx, answer: str) -> None:
        """Raises KeyTaken."""
        idempotency.confirmed(tx, self._key, self._holder, answer)


class Once:
    """The keys of one store, as one process sees them; its threads may share it."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store, self._machine = store, machine
        self._chance = machine.chance()
        self._mine: set[str] = set()  # holders that are requests of this process
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, key: str, digest: str, kept_s: float | None) -> Iterator[Turn | str]:
        """The turn of a key that comes first, or the answer that was given before.

        An error within lets go of the key, so that the request can be sent again.

        Args:
            key: as the request has it.
            digest: of all that the request asks for.
            kept_s: for how long keys are remembered; None: for ever.

        Raises:
            KeyInUse: the first request is under way.
            KeyOfAnother: the first request asked for something else.
        """
        holder = self._holder()
        try:
            earlier = self._take(key, digest, holder, kept_s)
            if earlier is not None:
                yield earlier
                return
            with contextlib.ExitStack() as unless_done:
                unless_done.callback(self._store.write_now, idempotency.release, key, holder)
                yield Turn(key, holder)
                unless_done.pop_all()
        finally:
            with self._lock:
                self._mine.discard(holder.name)

    def _holder(self) -> idempotency.Holder:
        process = self._machine.this_process()
        with self._lock:
            name = self._chance.token(20)
            self._mine.add(name)
        return idempotency.Holder(name, process.host, process.pid)

    def _take(
        self, key: str, digest: str, holder: idempotency.Holder, kept_s: float | None
    ) -> str | None:
        while True:
            now = self._machine.clock.now()
            since = None if kept_s is None else now - kept_s
            known = self._store.write_now(idempotency.claim, key, digest, holder, now, since)
            if known is None:
                return None
            if known.digest != digest:
                raise KeyOfAnother(
                    f"the key {key!r} came with another request before",
                    where=_KEY,
                    remedy="Use a new key for a new submission.",
                )
            if known.answer is not None:
                return known.answer
            if self._lives(known, now):
                raise KeyInUse(
                    f"the submission with the key {key!r} is under way",
                    where=_KEY,
                    remedy="Send it again in a moment: you are told what became of it.",
                )
            if self._store.write_now(idempotency.take_over, key, known.holder, holder, now):
                return None

    def _lives(self, known: idempotency.Known, now: float) -> bool:
        """Whether its holder may still be at it; who is thought dead and is not does no harm."""
        if now - known.seen_at > deliveries.ABANDONED_AFTER_S:
            return False
        here = self._machine.this_process()
        if (known.holder.host, known.holder.pid) == (here.host, here.pid):
            with self._lock:
                return known.holder.name in self._mine
        return self._machine.is_running(known.holder.host, known.holder.pid) is not False
