"""The web page of a lab, answering on a real port from a thread of the test."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx

from lab.configuration import Loaded, load
from lab.kept import is_kept
from lab.machine import ThisMachine
from lab.scenario.read import read_case
from lab.scenario.run import run
from lab.web.lab_here import LabHere
from lab.web.service import WebService
from store.schema import open_store
from tests.fakes.log import NotingLog
from world.clock import SystemClock


class Served:
    """A server that answers at ``address``; ``lab`` is what it holds."""

    def __init__(self, service: WebService, place: tuple[str, int]) -> None:
        self.service, self.lab = service, service.lab
        self.address = f"http://{place[0]}:{place[1]}"
        self.client = httpx.Client(base_url=self.address, timeout=30)


@contextlib.contextmanager
def serving(loaded: Loaded) -> Iterator[Served]:
    """Serve a lab as long as the context lasts, on a free port, without beating in its store."""
    configuration = loaded.configuration
    web = configuration.web.model_copy(update={"listen": "127.0.0.1:0"})
    loaded = replace(loaded, configuration=configuration.model_copy(update={"web": web}))
    ready, found = threading.Event(), []

    async def serve() -> None:
        over = asyncio.Event()
        with contextlib.closing(open_store(loaded.store_url)) as store:
            lab = LabHere(loaded, store, ThisMachine(), NotingLog(), is_kept=is_kept(loaded))
            service = WebService(lab)
            async with service.running() as place:
                found.extend((service, place, asyncio.get_running_loop(), over))
                ready.set()
                await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="web")
    thread.start()
    try:
        assert ready.wait(30), "the server did not come up"
        service, place, loop, over = found
        served = Served(service, place)
        try:
            yield served
        finally:
            served.client.close()
            loop.call_soon_threadsafe(over.set)
    finally:
        thread.join(30)


def kept_lab(scenario: str, folder: Path) -> Loaded:
    """The lab of a scenario, run in simulation and kept; ``scenario`` is the text of its file."""
    file = folder / "scenario.toml"
    file.write_text(scenario, encoding="utf-8")
    outcome = run(read_case(file), "simulated", SystemClock(), keep=folder / "kept")
    assert outcome.kept is not None
    return load(Path(outcome.kept) / "mtalab.toml", {}, {"web.listen": "127.0.0.1:8025"})
