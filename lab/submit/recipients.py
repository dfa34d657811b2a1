"""Recipients from CSV or JSON lines, read as a stream: memory does not grow with the file.

The format is known by the file's name (``.jsonl``, ``.ndjson``, ``.json``), otherwise by its first
character. Each row yields a ``Recipient`` or a ``BadRow`` with the line where it begins.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from lab.submit.errors import BadRow, BadSubmission, UnreadableInput
from mail.address import Address, BadAddress, parse_address
from mail.errors import Where

ADDRESS_COLUMNS: Final = ("address", "email", "e-mail", "mail")
_JSON_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
_CELL_MAX: Final = 1_000_000  # characters; a runaway quote must not swallow the whole file


class Recipient(NamedTuple):
    """One row; ``fields`` are all its columns but the address."""

    line: int
    address: Address
    fields: Mapping[str, str]


def read_recipients(file: Path, address_column: str | None = None) -> Iterator[Recipient | BadRow]:
    """The rows of a file, one by one.

    Raises:
        UnreadableInput: it cannot be opened, or is not UTF-8 text.
        BadSubmission: its header has no address column, or a column twice.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            if _is_json(file, handle):
                yield from _json_rows(handle, address_column)
            else:
                yield from _csv_rows(handle, file.name, address_column)
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            f"is not UTF-8 text: {error.reason} at byte {error.start}",
            where=Where(file.name, line=_line_of_bad_byte(file)),
            remedy="Save it as UTF-8.",
        ) from error
    except OSError as error:
        raise UnreadableInput(
            f"cannot be read: {error.strerror}",
            where=Where(str(file)),
            remedy="Check the path and its permissions.",
        ) from error


def _is_json(file: Path, handle: TextIO) -> bool:
    if file.suffix.lower() in _JSON_SUFFIXES:
        return True
    start = handle.read(1)
    handle.seek(0)
    return start == "{"


def _line_of_bad_byte(file: Path) -> int | None:
    with file.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return None


def _csv_rows(
    handle: TextIO, name: str, address_column: str | None
) -> Iterator[Recipient | BadRow]:
    csv.field_size_limit(_CELL_MAX)
    first = handle.readline()
    handle.seek(0)
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(handle, delimiter=delimiter, strict=True)
    header = next(rows, None)
    if not header:
        raise BadSubmission(
            "has no rows", where=Where(name, line=1), remedy="Begin with a row of column names."
        )
    names = [column.strip() for column in header]
    place = _address_place(names, name, address_column)
    end = rows.line_num
    while True:
        line = end + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield BadRow(line, f"not valid CSV: {error}", "")
            end = rows.line_num
            continue
        if row is None:
            return
        end = rows.line_num
        if row:
            yield _csv_row(line, row, names, place)


def _csv_row(line: int, row: Sequence[str], names: Sequence[str], place: int) -> Recipient | BadRow:
    raw = ",".join(row)
    if len(row) != len(names):
        return BadRow(line, f"has {len(row)} cells, the header has {len(names)} columns", raw)
    fields = dict(zip(names, row, strict=True))
    return _recipient(line, fields, names[place], raw)


def _address_place(names: Sequence[str], file: str, wanted: str | None) -> int:
    where = Where(file, line=1)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadSubmission(
            f"has the column {twice[0]!r} twice", where=where, remedy="Give each its own name."
        )
    candidates = (wanted,) if wanted is not None else ADDRESS_COLUMNS
    for candidate in candidates:
        for place, name in enumerate(names):
            if name.lower() == candidate.lower():
                return place
    raise BadSubmission(
        f"has no column {candidates[0]!r}; its columns are {', '.join(names)}",
        where=where,
        remedy="Name the column of the addresses with --address-column.",
    )


def _json_rows(handle: TextIO, address_column: str | None) -> Iterator[Recipient | BadRow]:
    candidates = (address_column,) if address_column is not None else ADDRESS_COLUMNS
    for line, text in enumerate(handle, 1):
        raw = text.rstrip("\r\n")
        if not raw.strip():
            continue
        try:
            value = json.loads(raw)
        except ValueError as error:
            yield BadRow(line, f"not valid JSON: {error}", raw)
            continue
        if not isinstance(value, dict):
            yield BadRow(line, "not a JSON object", raw)
            continue
        by_lower = {str(key).lower(): str(key) for key in value}
        key = next((by_lower[each.lower()] for each in candidates if each.lower() in by_lower), "")
        if not key:
            yield BadRow(line, f"has no {candidates[0]!r}", raw)
            continue
        yield _recipient(line, {str(k): _text(v) for k, v in value.items()}, key, raw)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _recipient(
    line: int, fields: dict[str, str], address_name: str, raw: str
) -> Recipient | BadRow:
    text = fields.pop(address_name).strip(" ")
    try:
        address = parse_address(text)
    except BadAddress as error:
        return BadRow(line, f"address {text!r}: {error}", raw)
    if "\\ud" in raw.lower():  # in JSON
        broken = next((name for name, value in fields.items() if not _is_whole(value)), None)
        if broken is not None:
            return BadRow(line, f"column {broken!r} holds half a character", raw)
    nul = None
    if "\0" in raw or "\\u0000" in raw:  # the latter in JSON
        nul = next((name for name, value in fields.items() if "\0" in value), None)
    if nul is not None:
        return BadRow(line, f"column {nul!r} holds a NUL byte", raw)
    return Recipient(line, address, fields)


def _is_whole(text: str) -> bool:
    """Whether it can be written: JSON can name the two halves of a character apart."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
