"""How many links a second the tracking server leads on, beside a bare Starlette that answers 302.

``python -m tests.measure.redirects [SECONDS]``: both servers run in turn on one core, asked by wrk
or oha where there is one, else by a small client of our own. The ratio is the figure: both suffer
from the machine alike. What a request costs of the processor is said too; that is less moved by
what else the machine does, and has what the log's way into the store costs.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

CONNECTIONS = 32
ROUNDS = 3
LINKS = 200  # different messages
TARGET_PER_S = 3000
RATIO_MIN = 0.5
_COUNT = re.compile(rb"Requests/sec:\s+([\d.]+)")


# --- servers, each in a process of its own -------------------------------------------------------


def bare(port: int) -> None:
    """Starlette as its documentation has it, under uvicorn as it comes, without its access log."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import RedirectResponse
    from starlette.routing import Route

    async def lead(_request: object) -> RedirectResponse:
        return RedirectResponse("https://shop.example/", 302)

    app = Starlette(routes=[Route("/r/{token}", lead)])
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def ours(folder: str) -> None:
    from lab.configuration import load
    from lab.machine import ThisMachine
    from lab.services.loop import in_loop
    from lab.services.tracking import run_tracking
    from world.log import SILENT

    loaded = load(Path(folder) / "mtalab.toml", {})
    in_loop(run_tracking(loaded, lambda: loaded, SILENT, ThisMachine()))


# --- clients -------------------------------------------------------------------------------------


def asked_by_hand(port: int, paths: list[str], seconds: float) -> float:
    """Requests a second by a client that waits for each answer, on several connections."""
    requests = [
        f"GET {each} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: measure\r\n\r\n".encode()
        for each in paths
    ]

    async def one(number: int, until: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < until:
            writer.write(requests[(number + done) % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 302"):
                sys.exit(f"unexpected: {head!r}")
            done += 1
        writer.close()
        return done

    async def everybody() -> float:
        began = time.perf_counter()
        counts = await asyncio.gather(*(one(each, began + seconds) for each in range(CONNECTIONS)))
        return sum(counts) / (time.perf_counter() - began)

    import uvloop

    return uvloop.run(everybody())


def asked(port: int, paths: list[str], seconds: float) -> float:
    """Requests a second by the fastest client there is."""
    url = f"http://127.0.0.1:{port}{paths[0]}"
    wrk, oha = shutil.which("wrk"), shutil.which("oha")
    if wrk is not None:
        words = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", url]
        said = subprocess.run(words, capture_output=True, check=True).stdout
        found = _COUNT.search(said)
        assert found is not None, said
        return float(found[1])
    if oha is not None:
        words = [oha, "--no-tui", "-j", "-r", "0", f"-c{CONNECTIONS}", f"-z{seconds:g}s", url]
        said = subprocess.run(words, capture_output=True, check=True).stdout
        return float(json.loads(said)["summary"]["requestsPerSec"])
    return asked_by_hand(port, paths, seconds)


# --- the run -------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(target: object, *given: object, port: int) -> Iterator[psutil.Process]:
    process = multiprocessing.get_context("spawn").Process(target=target, args=given)
    process.start()
    assert process.pid is not None
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.1)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join(20)


def lab(folder: Path, port: int) -> list[str]:
    """A lab with one tracked delivery; returns the paths of its links."""
    from store import deliveries, parts
    from store.schema import open_store
    from tests.fakes.tracked import link, track

    (folder / "mtalab.toml").write_text(
        f'[tracking]\nlisten = "127.0.0.1:{port}"\n[affinity.a]\nip = [{{address = "127.0.1.1"}}]\n'
        '[mta.m]\naffinities = ["a"]\n'
    )
    from lab.configuration import load

    loaded = load(folder / "mtalab.toml", {})
    loaded.directory.mkdir(exist_ok=True)
    with contextlib.closing(open_store(loaded.store_url)) as store:
        now = time.time()
        new = deliveries.NewDelivery(
            "x", "a", 0, LINKS, now, now, now + 86400, "mail.eml", b"Subject: x\r\n\r\n"
        )
        number = store.write_now(deliveries.create, new)
        people = [parts.NewMessage(f"u{each}@a.test", "a.test", "{}") for each in range(LINKS)]
        store.write_now(parts.add, number, [parts.NewPart("a", ["127.0.1.1"], people)], now)
        track(store, number)
    return [link(2, message, number) for message in range(1, LINKS + 1)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("seconds", nargs="?", type=float, default=4.0)
    seconds = arguments.parse_args().seconds
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    costs: dict[str, list[float]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as place:
        port = free_port()
        paths = lab(Path(place), port)
        for _ in range(ROUNDS):
            for name, target, *given in (
                ("bare", bare, other := free_port()),
                ("ours", ours, place),
            ):
                at = port if name == "ours" else other
                with running(target, *given, port=at) as process:
                    before = _used(process)
                    rate = asked(at, paths, seconds)
                    rates[name].append(rate)
                    costs[name].append((_used(process) - before) / rate / seconds * 1e6)
    for name, found in rates.items():
        cost = statistics.median(costs[name])
        print(
            f"{name}: {statistics.median(found):.0f} redirects/s, {cost:.0f} µs of processor each"
        )
    ratio = statistics.median(rates["ours"]) / statistics.median(rates["bare"])
    dearer = statistics.median(costs["bare"]) / statistics.median(costs["ours"])
    print(f"ratio of rates: {ratio:.2f} (at least {RATIO_MIN}); by processor: {dearer:.2f}")
    sys.exit(0 if ratio >= RATIO_MIN and statistics.median(rates["ours"]) >= TARGET_PER_S else 1)


def _used(process: psutil.Process) -> float:
    """Seconds of processor so far."""
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
