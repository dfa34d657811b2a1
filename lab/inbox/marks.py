"""What was done to mails of the inbox: read, tagged, deleted. A file of its own keeps it.

``inbox/marks.jsonl`` has a line for each thing that was done; several processes may do it. Mails
themselves never change: a deleted one is no more shown, while its receipt stays for the accounts.
A mail is named by its id and the time of its receipt, since a sink that begins anew gives its ids
again.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from lab.inbox.index import Entry
from lab.inbox.locked_file import locked, whole_lines
from mail.errors import Where
from sinks.errors import SinkFilesUnusable
from sinks.json_lines import damaged, unreadable

_GROWN: Final = 4 * 1024 * 1024  # bytes from which on the file is begun anew, if that helps
Key = tuple[str, float]  # id, time of the receipt


def key_of(entry: Entry) -> Key:
    return entry.id, entry.time


class Marks:
    """The marks as this process knows them; ``refresh`` before they are asked for."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "inbox" / "marks.jsonl"
        self._begin()

    def _begin(self) -> None:
        self.read: set[Key] = set()
        self.deleted: set[Key] = set()
        self.tags: dict[Key, tuple[str, ...]] = {}  # instead of those of the mail itself
        self._file_id = (0, 0)
        self._known_to = 0

    @property
    def stamp(self) -> tuple[object, int]:
        """Another one after each change."""
        return self._file_id, self._known_to

    def refresh(self) -> None:
        """Learn what others did meanwhile.

        Raises:
            DamagedReceipts: a line is not what we write.
            SinkFilesUnusable: the file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                self._take_in(file)
        except FileNotFoundError:
            self._begin()
        except OSError as error:
            raise unreadable(self._path, error) from error

    def set_read(self, keys: Collection[Key], *, is_read: bool) -> None:
        """Mark mails as read or not. Raises as ``refresh``, and where it cannot be written."""
        changed = [each for each in keys if (each in self.read) != is_read]
        self._write({"do": "read" if is_read else "unread", "of": changed} if changed else None)

    def delete(self, keys: Collection[Key]) -> None:
        """Show mails no more. Raises as ``set_read``."""
        self._write({"do": "delete", "of": list(keys)} if keys else None)

    def set_tags(self, tags: Mapping[Key, Iterable[str]]) -> None:
        """Let mails have these tags and no others. Raises as ``set_read``."""
        given = [[key, list(each)] for key, each in tags.items()]
        self._write({"do": "tag", "of": given} if given else None)

    def _write(self, done: dict[str, Any] | None) -> None:
        if done is None:
            return
        with locked(self._path) as file:
            self._take_in(file)
            file.truncate(self._known_to)  # a torn line of a killed process
            file.seek(self._known_to)
            file.write(orjson.dumps(done, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            self._take_in(file)
            if self._known_to >= _GROWN:
                self._begin_anew()

    def _take_in(self, file: BinaryIO) -> None:
        found = os.fstat(file.fileno())
        if self._file_id != (found.st_dev, found.st_ino) or found.st_size < self._known_to:
            self._begin()
            self._file_id = (found.st_dev, found.st_ino)
        for line in whole_lines(file, self._known_to):
            where = Where(str(self._path), key=f"byte {self._known_to}")
            try:
                self._learn(orjson.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise damaged(where, str(error)) from error
            self._known_to += len(line)

    def _learn(self, done: dict[str, Any]) -> None:
        does, of = done["do"], done["of"]
        if does == "tag":
            self.tags.update({_key(key): tuple(tags) for key, tags in of})
            return
        keys = map(_key, of)
        match does:
            case "read":
                self.read.update(keys)
            case "unread":
                self.read.difference_update(keys)
            case "delete":
                gone = set(keys)
                self.deleted |= gone
                self.read -= gone
                for each in gone & self.tags.keys():
                    del self.tags[each]
            case _:
                raise ValueError(f"it does {does!r}")

    def _begin_anew(self) -> None:
        """Write what holds now in place of all that was done, where that is much less."""
        lines = b"".join(
            orjson.dumps({"do": does, "of": of}, option=orjson.OPT_APPEND_NEWLINE)
            for does, of in (
                ("read", sorted(self.read)),
                ("delete", sorted(self.deleted)),
                ("tag", [[key, tags] for key, tags in sorted(self.tags.items())]),
            )
        )
        if len(lines) > self._known_to // 2:
            return
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(lines)
            new.replace(self._path)
        except OSError as error:
            raise SinkFilesUnusable(
                f"cannot write {new}: {error.strerror}", remedy="Check the free space."
            ) from error


def _key(value: list[Any]) -> Key:
    return str(value[0]), float(value[1])
