"""Styles and scripts of the pages: ours, and vendored ones as their packages ship them."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("static")


@cache
def address(name: str) -> str:
    """Where a browser finds a file; it changes with what is in it, so it may be kept for ever."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"
