"""Webhooks of a lab of real processes."""

import contextlib

import psutil

from store import log, webhooks
from tests.fakes.in_thread import in_thread
from tests.fakes.running_lab import CONFIGURATION, RunningLab, free_ports
from tests.fakes.webhook_receiver import SECRET, WebhookReceiver, first

HOOK = """
[[webhook]]
name = "hook"
url = "http://127.0.0.1:{hook}/events"
secret_file = "secret"
begin = "beginning"
batch = 10
"""


def test_every_event_of_a_lab_arrives_though_the_service_is_killed(tmp_path):
    receiver = WebhookReceiver(first(1, 500))
    (port,) = free_ports(1)
    (tmp_path / "secret").write_text(SECRET)
    lab = RunningLab(tmp_path, text=CONFIGURATION + HOOK.replace("{hook}", str(port)))

    @contextlib.asynccontextmanager
    async def listening():
        server, _ = await receiver.listen(port)
        async with server:
            yield port

    def ids():
        found = lab.store.read_now(log.events, log.Filter(), limit=10_000)
        return {f"transition-{each.transition.id}" for each in found}

    try:
        with in_thread(listening):
            lab.up()
            delivery = lab.submit(60, "a.test", "b.test")
            lab.wait(lambda: len(receiver.taken) >= 2, "some events were taken")
            psutil.Process(lab.pid_of("webhooks")).kill()
            lab.wait(lambda: lab.counts(delivery)["sent"] == 120, "all is sent")
            lab.wait(lambda: set(receiver.times_taken()) == ids(), "all events were taken")
            assert sum(count > 1 for count in receiver.times_taken().values()) <= 10
            assert lab.json("status")["ok"]
            assert lab.down() == 0
        state = lab.store.read_now(webhooks.get, "hook")
        assert state.error is None
        assert lab.store.read_now(webhooks.dead) == []
    finally:
        lab.close()
