"""What readers are told of: mail of the sinks, and URLs of the store."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mail.errors import UserError
from mail.message_id import parse_message_id_header, parse_return_path
from sinks import inbox
from sinks.errors import SinkFilesUnusable
from sinks.receipts import Receipt, receipt_by_id, receipt_files, receipts_since
from store import tracked_urls
from store.engine import Store
from store.errors import StoreUnavailable
from tracking.readers.arrivals import Arrival, Original
from tracking.readers.errors import MessageNotRead

_DELIVERIES_KEPT: Final = 256


class SinkMailboxes:
    """All mail that this lab's sinks accept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_to: dict[str, int] = {}

    def new(self) -> Iterator[Arrival]:
        """As ``tracking.readers.arrivals.Mailboxes``; raises DamagedReceipts, SinkFilesUnusable."""
        for sink, size in receipt_files(self._directory).items():
            if size <= self._read_to.get(sink, 0):
                continue
            for receipt, end in receipts_since(self._directory, sink, self._read_to.get(sink, 0)):
                self._read_to[sink] = end
                for recipient in receipt.rcpt_to:
                    yield _arrival(receipt, recipient)

    def content(self, arrival: Arrival) -> bytes:
        """As ``tracking.readers.arrivals.Mailboxes``."""
        try:
            return inbox.content(self._directory, receipt_by_id(self._directory, arrival.receipt))
        except (UserError, SinkFilesUnusable) as error:
            raise MessageNotRead(str(error)) from error

    def read_to(self) -> Mapping[str, int]:
        return self._read_to


def _arrival(receipt: Receipt, recipient: str) -> Arrival:
    mark = parse_return_path(receipt.mail_from)
    if mark is None and receipt.message_id is not None:
        mark = parse_message_id_header(receipt.message_id)
    return Arrival(
        receipt.id,
        receipt.time,
        recipient,
        receipt.message_id,
        receipt.size,
        receipt.inbox is not None,
        None if mark is None else mark.delivery_id,
        None if mark is None else mark.message_id,
    )


class StoreOriginals:
    """What deliveries track, as the store has it; known ones are remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, dict[int, Original]] = {}

    async def of(self, delivery_id: int) -> Mapping[int, Original]:
        """As ``tracking.readers.arrivals.Originals``."""
        if delivery_id in self._known:
            return self._known[delivery_id]
        try:
            tracked = await self._store.read(tracked_urls.of, delivery_id)
        except StoreUnavailable:
            return {}
        if tracked is None:
            return {}
        found = {each.number: Original(each.url, each.label, each.kind) for each in tracked.urls}
        self._known[delivery_id] = found
        if len(self._known) > _DELIVERIES_KEPT:
            del self._known[next(iter(self._known))]
        return found
