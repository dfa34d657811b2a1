"""A webhook is told on both databases, while others write to the log."""

import asyncio
import contextlib

from lab.webhook_names import wanted
from lab.webhook_settings import WebhookSettings
from lab.webhooks.poster import Key, Poster, Surroundings
from lab.webhooks.reading import Reading
from lab.webhooks.signing import secret_from
from store import tables, tail, webhooks
from tests.fakes.webhook_receiver import SECRET, WebhookReceiver, by_turns
from tests.measure.exports import fill
from world.chance import SeededChance
from world.clock import SystemClock
from world.log import SILENT
from world.network import HostNetwork

WITHIN_S = 60.0
ROW = {
    "message_id": 1,
    "delivery_id": 1,
    "at": 1.7e9,
    "event": "accepted",
    "from_status": "pending",
    "to_status": "sent",
    "attempt": 1,
}


def poster(store, port, **given):
    settings = WebhookSettings(
        name="hook",
        url=f"http://127.0.0.1:{port}/",
        secret_env="X",
        begin="beginning",
        batch=20,
        **given,
    )
    reading = Reading(
        wanted(settings.events), 20, "lab.example", tail.of_transitions(), tail.of_tracking()
    )
    around = Surroundings(store, SystemClock(), SeededChance(1), HostNetwork(), SILENT)
    return Poster(settings, Key((secret_from(SECRET),)), reading, around)


async def until(condition):
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - of a store and a receiver
            await asyncio.sleep(0.01)


def test_each_event_is_told_once_though_transactions_overlap(store, engine_name):
    fill(store, 100)
    receiver = WebhookReceiver()
    numbers = set(range(1, 101))

    async def run():
        server, port = await receiver.listen()
        task = asyncio.ensure_future(poster(store, port).run())
        await until(lambda: len(receiver.times_taken()) >= 40)
        # On PostgreSQL a transaction is held open while later ones commit; SQLite has one writer.
        held = store.writing.connect() if engine_name == "postgresql" else None
        if held is not None:
            numbers.add(add(held))
        for _ in range(30):
            with store.writing.begin() as connection:
                numbers.add(add(connection))
            await asyncio.sleep(0.005)
        if held is not None:
            held.commit()
            held.close()
        await until(lambda: len(receiver.times_taken()) == len(numbers))
        await until(lambda: store.read_now(webhooks.get, "hook").posted == len(numbers))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()

    asyncio.run(run())
    assert receiver.in_order("transition") == sorted(numbers)
    assert set(receiver.times_seen().values()) == {1}


def test_one_that_starts_again_goes_on_where_it_was(store):
    fill(store, 100)
    receiver = WebhookReceiver(by_turns(204, 204, 500))

    async def run():
        server, port = await receiver.listen()
        for taken in (40, 80, 100):
            task = asyncio.ensure_future(poster(store, port).run())
            await until(lambda taken=taken: len(receiver.times_taken()) >= taken)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        server.close()

    asyncio.run(run())
    assert receiver.in_order("transition") == list(range(1, 101))
    assert set(receiver.times_taken().values()) == {1}
    assert store.read_now(webhooks.get, "hook").posted == 100


def add(connection):
    return connection.execute(tables.transition.insert().values(**ROW)).inserted_primary_key[0]
