"""How long pages and API take where a million messages are queued, and what a browser loads first.

``python -m tests.measure.pages 1000000`` fills a store (five causes, as ``tests.measure.why``),
serves it and asks for each page and each list a few times. Exit code 1: the first page weighs more
than 100 KB with all that it loads, or a page takes more than 200 ms.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from affinity.plan import plan_of
from lab.configuration import load
from lab.web.navigation import PLACES
from store.schema import open_store
from tests.fakes.web_server import serving
from tests.measure.backlog import Backlog, fill
from tests.measure.why import CONFIGURATION, five_causes

MOST_MS, MOST_BYTES, REPEATS = 200.0, 100_000, 7
_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+)"')
PATHS = (
    *(each.path for each in PLACES),
    *(f"/deliveries/1{tab}" for tab in ("", "/content", "/log", "/tracking", "/audit", "/pending")),
    "/deliveries/2/pending",
    "/messages/500000",
    "/search?q=500000",
    *(f"/api/v1/{each}" for each in ("status", "deliveries", "log", "transitions", "why", "queue")),
    "/api/v1/log?domain=*.test&limit=200",
    "/api/v1/messages",
    "/metrics",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a folder for the lab, which is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mtalab-pages-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "mtalab.toml"
        if not file.exists():
            _make(folder, file, options.messages)
        with serving(load(file, {})) as served:
            slow = [path for path in PATHS if not _is_quick(served.client, path)]
            weight = _weight_of_first_page(served.client)
    print(f"first page with all that it loads: {weight:,} bytes")
    return 0 if weight <= MOST_BYTES and not slow else 1


def _make(folder: Path, file: Path, messages: int) -> None:
    url = f"sqlite:///{folder}/lab.db"
    file.write_text(CONFIGURATION.replace("STORE", url))
    loaded, each = load(file, {}), messages // 5
    store = open_store(url)
    backlog = Backlog(queued=4 * each, deferred=messages - 4 * each, deliveries=4)
    fill(store, backlog, plan_of(loaded.configuration), time.time())
    store.write_now(five_causes)
    store.close()


def _is_quick(client: httpx.Client, path: str) -> bool:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - began) * 1000)
    median = statistics.median(times)
    kind = "" if answer.status_code == 200 else f"  status {answer.status_code}"
    print(f"{median:8.1f} ms {len(answer.content):9,} bytes  {path}{kind}", flush=True)
    return median <= MOST_MS and not kind


def _weight_of_first_page(client: httpx.Client) -> int:
    weight, html = _transferred(client, "/")
    return weight + sum(_transferred(client, each)[0] for each in set(_LOADED.findall(html)))


def _transferred(client: httpx.Client, path: str) -> tuple[int, str]:
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        text = b"".join(answer.iter_bytes()).decode("utf-8", "replace")
        return answer.num_bytes_downloaded, text


if __name__ == "__main__":
    sys.exit(main())
