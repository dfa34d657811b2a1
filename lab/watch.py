"""Following the configuration file while the lab runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from lab.configuration import Loaded
from mail.errors import UserError

_LOOK_EVERY_S: Final = 0.3


async def changes(
    loaded: Loaded, reload: Callable[[], Loaded], complain: Callable[[str], None]
) -> AsyncIterator[Loaded]:
    """Each new valid configuration; an invalid one is complained about and the old one stays.

    Begins with a change that came between the reading of ``loaded`` and now.
    """
    seen = None
    while True:
        now = _stamp(loaded.path)
        if now not in (
            seen,
            None,
        ):  # an editor that replaces the file may leave none for an instant
            seen = now
            try:
                new = reload()
            except UserError as error:
                complain(f"the changed configuration is not used:\n{error}")
            else:
                if new.text != loaded.text:
                    loaded = new
                    yield loaded
        await asyncio.sleep(_LOOK_EVERY_S)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
