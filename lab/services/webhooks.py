"""Webhooks: events of this lab, posted to those who asked for them."""

import contextlib

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from lab.webhooks.service import WebhookService
from store import modules
from world.log import Log


async def run_webhooks(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Post until told to stop.

    Raises:
        UnusableSecret: a webhook cannot be signed for.
    """
    clock = machine.clock
    with contextlib.closing(machine.store_of(loaded)) as store:
        service = WebhookService(loaded, store, machine, log)
        following = Following(loaded, modules.WEBHOOKS, reload, log, machine)
        process = machine.this_process()
        await store.write(modules.announce_module, modules.WEBHOOKS, process, "", clock.now())
        beat = beat_for_ever(store, modules.WEBHOOKS, machine)
        with following.on_hangup():
            told = until_told_to_stop(clock, machine.is_orphan)
            await first_of(told, beat, service.run(following))
        await say_goodbye(store, modules.WEBHOOKS, machine)
