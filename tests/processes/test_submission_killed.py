"""The server is killed in the middle of a submission; the same request then makes one delivery."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from lab.configuration import load
from lab.stores import store_of
from store import deliveries
from tests.fakes.changeable_lab import FILES, STARTER

BODY = {
    "affinity": "promo",
    "message": {"from": "a@shop.example", "subject": "Hi", "text": "Hello"},
    "recipients": [{"address": "ann@gmail.test"}, {"address": "bo@gmail.test"}],
}


@contextlib.contextmanager
def web(folder, **environ):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "web", "--listen", f"127.0.0.1:{port}"],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    client.get("/livez")
                    break
                time.sleep(0.05)
            yield client, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def send(client):
    return client.post("/api/v1/deliveries", json=BODY, headers={"Idempotency-Key": "once"})


def test_one_delivery_comes_of_it(tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes((STARTER / name).read_bytes())
    crash = f"submit.unconfirmed:1:{tmp_path / 'crashed'}"
    with web(tmp_path, MTALAB_CRASH_AT=crash) as (client, process):
        with pytest.raises(httpx.TransportError):
            send(client)
        assert process.wait(10) == -signal.SIGKILL
    with web(tmp_path) as (client, _):
        first, again = send(client), send(client)
        assert (first.status_code, again.status_code) == (201, 201), first.text
        assert again.json() == first.json()
    with contextlib.closing(store_of(load(tmp_path / "mtalab.toml", {}))) as store:
        found = store.read_now(deliveries.find)
    assert [(each.id, each.status, each.messages) for each in found] == [
        (2, "start_pending", 2),
        (1, "failed", 0),
    ]
