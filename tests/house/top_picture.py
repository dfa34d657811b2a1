"""A picture of `mtalab top`, for the documents."""

import asyncio
import re
from contextlib import closing
from pathlib import Path

from textual.widgets import DataTable

from lab.configuration import Loaded
from lab.top.app import Top
from store.schema import open_store
from world.clock import SystemClock

SIZE = (112, 34)
# Its fonts would come from elsewhere; every machine has one of fixed width.
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def write(loaded: Loaded, file: Path) -> None:
    """Draw it as an SVG file."""
    with closing(open_store(loaded.store_url)) as store:
        text = asyncio.run(_drawn(Top(store, loaded, SystemClock())))
    text = _FONTS.sub("", text).replace("Fira Code", "ui-monospace")
    file.write_text(text, encoding="utf-8")


async def _drawn(app: Top) -> str:
    async with app.run_test(size=SIZE) as pilot:
        while not app.query_one("#deliveries", DataTable).rows:
            await pilot.pause(0.05)
        return app.export_screenshot(title="mtalab top")
