"""Pictures of the pages for the documents: ``make screenshots`` writes docs/img.

The lab is that of ``tests/web/pictures.toml``, run in simulation: the same each time. Of which
pages there are pictures is said in ``tests/web/addresses.py``.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.fakes.web_server import Served, kept_lab, serving
from tests.house import top_picture
from tests.web.addresses import PAGES, filled_in

ROOT: Final = Path(__file__).parents[2]
SCENARIO: Final = ROOT / "tests/web/pictures.toml"
FOLDER: Final = ROOT / "docs/img"
SIZE: Final = {"width": 1280, "height": 800}
COLOURS: Final = 256
MOST_BYTES: Final = 150_000
SETTLED_MS: Final = 500.0  # charts are drawn once their script has come


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("needs Chromium: apt install chromium", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mtalab-pictures-") as folder:
        loaded = kept_lab(SCENARIO.read_text(encoding="utf-8"), Path(folder))
        with serving(loaded) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            heavy = [name for name, weight in _taken(browser, served) if weight > MOST_BYTES]
            browser.close()
        top_picture.write(loaded, FOLDER / "top.svg")
    if heavy:
        print(f"heavier than {MOST_BYTES:,} bytes: {', '.join(heavy)}", file=sys.stderr)
    return 1 if heavy else 0


def _taken(browser: Browser, served: Served) -> list[tuple[str, int]]:
    found = []
    for theme in ("light", "dark"):
        context = browser.new_context(
            viewport=SIZE,
            color_scheme=theme,
            reduced_motion="reduce",
        )
        tab = context.new_page()
        for each in PAGES:
            if each.picture and (theme == "light" or each.is_dark_too):
                name = each.picture + ("" if theme == "light" else "-dark")
                _open(tab, served, each.path)
                weight = _write(FOLDER / f"{name}.png", tab.screenshot())
                print(f"{weight:9,} bytes  {name}", flush=True)
                found.append((name, weight))
        context.close()
    return found


def _open(tab: Any, served: Served, path: str) -> None:
    answer = tab.goto(served.address + filled_in(path, served))
    assert answer.status == 200, f"{path} answers {answer.status}"
    tab.wait_for_timeout(SETTLED_MS)


def _write(file: Path, png: bytes) -> int:
    """A picture of few colours is small; rare ones, which mean something, must not be lost."""
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        few.save(file, optimize=True)
    return file.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
