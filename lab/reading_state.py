"""Whether readers have anything left to do: what their process says of itself in a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from lab.configuration import Loaded
from sinks.receipts import receipt_files
from tracking.readers.ledger import FOLDER

_FILE: Final = "state.json"


def write_state(directory: Path, waiting: int, read_to: Mapping[str, int]) -> None:
    """Say how many acts wait, of receipts read so far; raises OSError."""
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{_FILE}.new"
    new.write_bytes(orjson.dumps({"waiting": waiting, "read_to": dict(read_to)}))
    new.replace(folder / _FILE)


def are_readers_done(loaded: Loaded) -> bool:
    """Whether all mail that has arrived was read by whoever was to read it, or nobody is."""
    if not loaded.configuration.reader:
        return True
    try:
        state: Any = orjson.loads((loaded.directory / FOLDER / _FILE).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return False
    is_all_read = all(
        state["read_to"].get(sink, 0) >= size
        for sink, size in receipt_files(loaded.directory).items()
    )
    return is_all_read and state["waiting"] == 0
