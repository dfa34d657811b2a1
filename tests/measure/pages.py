"""How long pages and API take with a million messages, and what a browser loads first.

``python -m tests.measure.pages 1000000 --keep FOLDER`` fills two stores, one where all is
pending for five causes and one where nearly all was sent (``--shape`` takes one of them), serves
each and asks for every page and every read of the API: once cold, its file in no cache, and then a
few times.
Exit code 1: the first page weighs more than 100 KB with all that it loads, or an answer takes more
than 200 ms warm, or has more than 100 KB as they are transferred.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from affinity.plan import plan_of
from lab.configuration import load
from store.schema import open_store
from tests.fakes.web_server import Served, serving
from tests.measure import aftermath
from tests.measure.backlog import Backlog, fill
from tests.measure.page_paths import paths
from tests.measure.why import CONFIGURATION, beat, five_causes

MOST_MS, MOST_BYTES, REPEATS = 200.0, 100_000, 5
SHAPES: Final = ("pending", "sent")
NOT_THERE: Final = ("/no-such-page", "/reports/urls?delivery=99")
_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+)"')


class Measured(NamedTuple):
    """Of one path: milliseconds, and bytes as transferred."""

    path: str
    cold: float
    warm: float
    size: int
    status: int

    @property
    def is_well(self) -> bool:
        is_right = self.status in (200, 303) or (self.status == 404 and self.path in NOT_THERE)
        return is_right and self.warm <= MOST_MS and self.size <= MOST_BYTES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="both without it")
    parser.add_argument("--keep", type=Path, help="a folder for the labs, which are used again")
    parser.add_argument("--only", default="", help="a piece of the paths that are asked for")
    options = parser.parse_args()
    is_well = True
    with tempfile.TemporaryDirectory(prefix="mtalab-pages-") as temporary:
        for shape in options.shape or SHAPES:
            folder = (options.keep or Path(temporary)) / shape
            is_well &= _measure(folder, options.messages, shape, options.only)
    return 0 if is_well else 1


def _measure(folder: Path, messages: int, shape: str, only: str) -> bool:
    file = folder / "mtalab.toml"
    if not file.exists():
        _make(folder, file, messages, shape)
    print(f"{messages:,} messages, most of them {shape}\n    cold ms  warm ms     bytes")
    is_well = True
    with serving(load(file, {})) as served, _Beating(served):
        for path in paths(messages // 2):
            if only in path:
                found = _asked(served.client, path, folder)
                is_well &= found.is_well
                _print(found)
        weight = _weight_of_first_page(served.client)
    print(f"first page with all that it loads: {weight:,} bytes", flush=True)
    return is_well and weight <= MOST_BYTES


def _print(found: Measured) -> None:
    mark = " " if found.is_well else "!"
    kind = "" if found.status in (200, 303) else f"  status {found.status}"
    print(
        f"{mark} {found.cold:9.1f}{found.warm:9.1f}{found.size:10,}  {found.path}{kind}", flush=True
    )


def _make(folder: Path, file: Path, messages: int, shape: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/lab.db"
    text = CONFIGURATION.replace("STORE", url)
    file.with_suffix(".new").write_text(text)
    store = open_store(url)
    queued, deferred = (8, 2) if shape == "pending" else (2, 4)  # in tenths, or in hundredths
    share = messages // (10 if shape == "pending" else 100)
    backlog = Backlog(
        queued=queued * share,
        deferred=deferred * share,
        finished=messages - (queued + deferred) * share,
        deliveries=4,
    )
    plan = plan_of(load(file.with_suffix(".new"), {}).configuration)
    fill(store, backlog, plan, time.time())
    store.write_now(five_causes)
    if backlog.finished:
        store.write_now(aftermath.leave)
    store.close()
    file.with_suffix(".new").rename(file)


class _Beating:
    """The instance of a lab says that it lives, as long as the context lasts."""

    def __init__(self, served: Served) -> None:
        self._store, self._over = served.lab.store, threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self) -> None:
        beat(self._store)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(2.0):
            beat(self._store)


def _asked(client: httpx.Client, path: str, folder: Path) -> Measured:
    _put_out_of_cache(folder / "lab.db")
    times = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        status, size, _ = _transferred(client, path)
        times.append((time.perf_counter() - began) * 1000)
    return Measured(path, times[0], statistics.median(times[1:]), size, status)


def _put_out_of_cache(file: Path) -> None:
    """From another process: whoever closes a file lets go of the locks that SQLite has on it."""
    does = "import os, sys; os.posix_fadvise(os.open(sys.argv[1], 0), 0, 0, 4)  # DONTNEED"
    subprocess.run([sys.executable, "-S", "-c", does, file], check=True)


def _weight_of_first_page(client: httpx.Client) -> int:
    _, weight, html = _transferred(client, "/")
    return weight + sum(_transferred(client, each)[1] for each in set(_LOADED.findall(html)))


def _transferred(client: httpx.Client, path: str) -> tuple[int, int, str]:
    """Status, bytes of the body as sent, and its text."""
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        text = b"".join(answer.iter_bytes()).decode("utf-8", "replace")
        return answer.status_code, answer.num_bytes_downloaded, text


if __name__ == "__main__":
    sys.exit(main())
