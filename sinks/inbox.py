"""The inbox: contents of accepted messages, one file a sink, found through the receipts.

``inbox/SINK.contents`` is the contents one after the other and nothing else; a receipt tells
where each begins and how long it is.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from pathlib import Path

from sinks.append_file import AppendFile, Opens
from sinks.errors import ContentNotKept, SinkFilesUnusable
from sinks.headers import header
from sinks.json_lines import unreadable
from sinks.mask import mask_pattern
from sinks.receipts import InboxPlace, Receipt, newest_receipts, sinks_with_receipts


class InboxFile:
    """The contents of one sink, open for writing."""

    def __init__(self, directory: Path, sink: str, opens: Opens = AppendFile) -> None:
        """Open it; raises SinkFilesUnusable."""
        self._file = opens(_path(directory, sink), lines=False)

    def keep(self, content: bytes) -> InboxPlace:
        """Append a content and return its place.

        Raises:
            OSError: it was not written, so the message must not be accepted.
        """
        return InboxPlace(self._file.append(content), len(content))

    def close(self) -> None:
        """Safe to call twice."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """One received message as a list shows it."""

    receipt: Receipt
    sender: str  # its From header, decoded
    subject: str


def list_inbox(
    directory: Path,
    limit: int | None = 50,
    *,
    sink: str | None = None,
    recipient: str | None = None,
    subject: str | None = None,
) -> list[InboxEntry]:
    """The newest messages whose content was kept, the last one first.

    Args:
        directory: the lab's data.
        limit: how many at most; None: all.
        sink: of this sink only.
        recipient: a mask that one of the recipients must match.
        subject: words that the subject must hold; case does not count.

    Raises:
        DamagedReceipts: a line is no receipt.
        SinkFilesUnusable: a file cannot be read, or lacks a content that a receipt names.
    """
    return list(islice(_matching(directory, sink, recipient, subject), limit))


def content(directory: Path, receipt: Receipt) -> bytes:
    """The message as it was received, dots unstuffed, lines ending in CRLF.

    Raises:
        ContentNotKept: its sink keeps no inbox.
        SinkFilesUnusable: the file cannot be read or is too short.
    """
    place = receipt.inbox
    if place is None:
        raise ContentNotKept(
            f"the content of {receipt.id} was not kept",
            remedy=f"Set inbox = true under [sink.{receipt.sink}] before the next run.",
        )
    path = _path(directory, receipt.sink)
    try:
        with path.open("rb") as file:
            found = os.pread(file.fileno(), place.length, place.offset)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(found) < place.length:
        raise SinkFilesUnusable(
            f"{path} ends before the content of {receipt.id}",
            remedy="The file was cut or replaced; only its receipt is left of the message.",
        )
    return found


def _matching(
    directory: Path, sink: str | None, recipient: str | None, subject: str | None
) -> Iterator[InboxEntry]:
    sinks = sinks_with_receipts(directory) if sink is None else [sink]
    newest = merge(
        *(newest_receipts(directory, each) for each in sinks),
        key=lambda receipt: receipt.time,
        reverse=True,
    )
    mask = None if recipient is None else mask_pattern([recipient])
    for receipt in newest:
        if receipt.inbox is None:
            continue
        if mask is not None and not any(map(mask.fullmatch, receipt.rcpt_to)):
            continue
        entry = _entry(directory, receipt)
        if subject is None or subject.casefold() in entry.subject.casefold():
            yield entry


def _entry(directory: Path, receipt: Receipt) -> InboxEntry:
    kept = content(directory, receipt)
    return InboxEntry(receipt, header(kept, "From"), header(kept, "Subject"))


def _path(directory: Path, sink: str) -> Path:
    return directory / "inbox" / f"{sink}.contents"
