"""Following the configuration file, and the bounce rules beside it, while the lab runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from lab.configuration import Loaded
from lab.logs import complain
from mail.errors import UserError
from world.clock import Clock
from world.log import Log

_LOOK_EVERY_S: Final = 0.3


async def changes(
    loaded: Loaded,
    reload: Callable[[], Loaded],
    log: Log,
    clock: Clock,
    *,
    asked: asyncio.Event | None = None,
    refused: Callable[[UserError], None] = lambda _: None,
) -> AsyncIterator[Loaded]:
    """Each new valid configuration; an invalid one is complained about and the old one stays.

    Begins with a change that came between the reading of ``loaded`` and now. When ``asked`` is
    set the file is read at once and yielded even if it says the same: keys and passwords that it
    names may have changed.
    """
    seen = None
    asked = asyncio.Event() if asked is None else asked
    while True:
        is_asked = asked.is_set()
        asked.clear()
        now = _stamp(loaded.path), _stamp(loaded.own_rules_path)
        # An editor that replaces the file may leave none for an instant.
        if is_asked or (now != seen and now[0] is not None):
            seen = now
            try:
                new = reload()
            except UserError as error:
                complain(log, error)
                refused(error)
            else:
                if is_asked or (new.text, new.own_rules) != (loaded.text, loaded.own_rules):
                    loaded = new
                    yield loaded
        await clock.doze(_LOOK_EVERY_S, asked, about="machine")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
