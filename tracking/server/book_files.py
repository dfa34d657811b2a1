"""What the server knows, in files: keys that nobody else may read, and a file for each delivery.

They hold copies: one that is missing, damaged or cannot be written costs nothing while the store is
there, so nothing here fails.
"""

import contextlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from mail.seal import Keyring, as_token, from_token, keyring
from mail.tracked import Kind, UrlMode
from store.tracked_urls import TrackedDelivery, TrackedUrl
from world.log import Log

_KEYS: Final = "keys.json"
FILES_MAX: Final = 1000


class BookFiles:
    """A folder of them."""

    def __init__(self, folder: Path, log: Log) -> None:
        self._folder, self._log = folder, log
        with contextlib.suppress(OSError):
            self._forget_oldest()

    def keys(self) -> Keyring | None:
        """The keys, as they were last kept."""
        found = self._read(_KEYS)
        try:
            return keyring([from_token(each) or b"" for each in found["keys"]])
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def keep_keys(self, keys: Keyring | None) -> None:
        given = [] if keys is None else [as_token(each) for each in keys.keys]
        self._write(_KEYS, {"keys": given})

    def delivery(self, delivery_id: int) -> TrackedDelivery | None:
        """A delivery, as it was last kept."""
        found = self._read(f"{delivery_id}.json")
        try:
            urls = tuple(
                TrackedUrl(**{**each, "mode": UrlMode(each["mode"]), "kind": Kind(each["kind"])})
                for each in found.pop("urls")
            )
            return TrackedDelivery(**found, urls=urls)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def keep_delivery(self, delivery_id: int, tracked: TrackedDelivery) -> None:
        self._write(f"{delivery_id}.json", asdict(tracked))

    def forget_delivery(self, delivery_id: int) -> None:
        with contextlib.suppress(OSError):
            (self._folder / f"{delivery_id}.json").unlink(missing_ok=True)

    def _read(self, name: str) -> Any:
        try:
            return orjson.loads((self._folder / name).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None

    def _write(self, name: str, content: object) -> None:
        """Whole or not at all; for this user alone."""
        new = self._folder / f"{name}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(content))
            new.replace(self._folder / name)
        except OSError as error:
            self._log.warning(
                "tracking_copy_unwritten",
                note=f"cannot write {self._folder / name}: {error}; "
                "after a restart its links need the store",
            )

    def _forget_oldest(self) -> None:
        files = [each for each in self._folder.glob("*.json") if each.name != _KEYS]
        by_age = sorted(files, key=lambda each: (each.stat().st_mtime, each.name))
        for each in by_age[:-FILES_MAX]:
            each.unlink(missing_ok=True)
