"""Addresses in files: CSV or JSON lines, read and written as streams.

A file of addresses is read twice: the first pass finds every bad row, so that nothing of a file
with one is taken.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from lab.submit.errors import SHOWN_MAX, BadRow
from lab.submit.recipients import Recipient, read_recipients
from mail.address_status import AddressStatus
from mail.errors import UserError, Where
from mail.reason import Reason
from store import address_search, addresses
from store.addresses import KnownAddress
from store.engine import Store

COLUMNS: Final = ("address", "status", "errors", "reason", "text", "delivery", "at")
ROWS_PER_WRITE: Final = 2000
_REASONS: Final = {each.label: each for each in Reason}


class BadAddressFile(UserError):
    """Some rows of a file of addresses are none."""

    def __init__(self, file: str, rows: Sequence[BadRow], count: int) -> None:
        lines = [f"{Where(file, line=row.line)}: {row.why}" for row in rows[:SHOWN_MAX]]
        if count > len(lines):
            lines.append(f"… and {count - len(lines)} more")
        super().__init__(
            f"{count} of its rows are no addresses with a status, so nothing was imported:\n"
            + "\n".join(lines),
            where=Where(file),
            remedy=f"Mend them; columns are {', '.join(COLUMNS)}, of which address is needed.",
        )


def import_file(store: Store, file: Path, status: AddressStatus, at: float) -> dict[str, int]:
    """Take over addresses from a file; returns how many by status.

    Args:
        store: where they go; what it says of the same addresses is replaced.
        file: with a column ``address``, and any of ``COLUMNS``.
        status: of rows that name none.
        at: of rows that say no time; epoch seconds.

    Raises:
        BadAddressFile: some rows are no addresses; nothing is imported.
        UnreadableInput, BadSubmission: it cannot be read, or has no column of addresses.
    """
    bad, count = list[BadRow](), 0
    for row in _rows(file, status, at):
        if isinstance(row, BadRow):
            count += 1
            if count <= SHOWN_MAX:
                bad.append(row)
    if count:
        raise BadAddressFile(file.name, bad, count)
    done = dict.fromkeys(map(str, AddressStatus), 0)
    batch: dict[str, KnownAddress] = {}
    for row in _rows(file, status, at):
        assert not isinstance(row, BadRow), "the file changed between two readings"
        done[row.status] += 1
        batch[row.address] = row
        if len(batch) >= ROWS_PER_WRITE:
            store.write_now(addresses.put, list(batch.values()))
            batch = {}
    store.write_now(addresses.put, list(batch.values()))
    return done


def _rows(file: Path, status: AddressStatus, at: float) -> Iterator[KnownAddress | BadRow]:
    for row in read_recipients(file):
        yield row if isinstance(row, BadRow) else _known(row, status, at)


def _known(row: Recipient, status: AddressStatus, at: float) -> KnownAddress | BadRow:
    fields = {name.strip().lower(): value.strip() for name, value in row.fields.items()}
    try:
        chosen = AddressStatus(fields.get("status") or status)
        return KnownAddress(
            str(row.address),
            chosen,
            _whole(fields, "errors"),
            _reason(fields.get("reason", ""), chosen),
            fields.get("text", ""),
            _whole(fields, "delivery"),
            float(fields.get("at") or at),
        )
    except ValueError as error:
        return BadRow(row.line, f"{row.address}: {error}", "")


def _whole(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name) or "0"
    if not text.isdecimal():
        raise ValueError(f"{name} {text!r} is no whole number")
    return int(text)


def _reason(text: str, status: AddressStatus) -> Reason:
    if not text:
        return addresses.UNWANTED.get(status, Reason.NOT_DEFINED)
    if text not in _REASONS:
        raise ValueError(f"{text!r} is no reason; expected one such as user_unknown")
    return _REASONS[text]


def exported(store: Store, chosen: address_search.Selection, *, as_csv: bool) -> Iterator[str]:
    """The lines of a file of the selected addresses, by address."""
    if as_csv:
        yield _csv_line(COLUMNS)
    last = ""
    while page := store.read_now(address_search.every, chosen, last):
        for each in address_search.as_rows(page):
            yield _csv_line(list(each.values())) if as_csv else _json_line(each)
        last = page[-1].address


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["" if each is None else each for each in cells])
    return line.getvalue()


def _json_line(row: Mapping[str, object]) -> str:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE).decode()
