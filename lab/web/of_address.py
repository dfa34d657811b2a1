"""The messages of an address: looked for once, then only among what is new.

There is no index by address: for a million addresses in no order it makes each submission take
five times as long to store, for a question that people ask now and then. Looking through a million
messages takes a tenth of a second, which a page that looks again each second should not spend.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mail.address import Address
from store import log
from store.engine import Store, Tx
from world.clock import Clock

MOST: Final = 500  # messages of one address
_ADDRESSES: Final = 64
_FRESH_S: Final = 60.0
# Where several write at once, a lower number may be seen after a higher one.
_OVERLAP: Final = 20_000


@dataclass(slots=True)
class _Known:
    """Numbers of messages, the newest first; ``up_to`` is as far as was looked."""

    numbers: list[int]
    up_to: int
    since: float


class OfAddresses:
    """Remembers for a minute, of a few addresses."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def messages(self, address: Address) -> list[log.Message]:
        """The newest messages of an address, the last one first, at most ``MOST``."""
        with self._lock:  # the same page asks again and again: once is enough
            numbers = self._numbers(address)
        return self._store.read_now(log.some, numbers)

    def _numbers(self, address: Address) -> list[int]:
        now, key = self._clock.monotonic(), str(address)
        known = self._known.pop(key, None)
        if known is None or now - known.since > _FRESH_S:
            known = _Known([], 0, now)
        last, newer = self._store.read_now(_newer, address, max(0, known.up_to - _OVERLAP))
        known.numbers = sorted({*newer, *known.numbers}, reverse=True)[:MOST]
        known.up_to = last
        self._known[key] = known
        if len(self._known) > _ADDRESSES:
            self._known.popitem(last=False)
        return known.numbers


def _newer(tx: Tx, address: Address, after_id: int) -> tuple[int, list[int]]:
    last = log.last_message_id(tx)
    wanted = log.Filter(domain=address.domain, address=str(address))
    found = log.messages(tx, wanted, after_id=after_id, limit=MOST, newest=True)
    return last, [each.id for each in found]
