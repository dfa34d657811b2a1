"""Simulated readers."""

import contextlib
from functools import partial

from lab.configuration import Loaded
from lab.following import Following
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine
from lab.mailboxes import SinkMailboxes, StoreOriginals
from lab.reading_state import write_state
from lab.services.beat import beat_for_ever, say_goodbye
from lab.services.loop import Reload
from mail.errors import UserError
from store import modules
from store.engine import Store
from tracking.readers.acting import Acting
from tracking.readers.asking import Asking
from tracking.readers.assigning import personas
from tracking.readers.ledger import Ledger
from tracking.readers.reading import Readers
from world.log import Log


class NoReaders(UserError):
    """Readers were to be run, and none is configured."""


async def run_readers(loaded: Loaded, reload: Reload, log: Log, machine: Machine) -> None:
    """Read and act until told to stop.

    Raises:
        LedgerUnwritable, DamagedLedger: nothing is done unwritten.
        DamagedReceipts, SinkFilesUnusable: mail cannot be found.
    """
    clock = machine.clock
    detail = ", ".join(loaded.configuration.reader)
    with contextlib.closing(machine.store_of(loaded)) as store:
        readers = _readers(loaded, log, machine, store)
        await store.write(
            modules.announce_module, modules.READERS, machine.this_process(), detail, clock.now()
        )
        log.info("reading", note=detail)
        following = Following(loaded, modules.READERS, reload, log, machine)

        async def follow() -> None:
            async for _ in following.changes():
                pass  # what it changes of them a restart brings, which the supervisor sees to

        with following.on_hangup():
            await first_of(
                until_told_to_stop(clock, machine.is_orphan),
                beat_for_ever(store, modules.READERS, machine),
                follow(),
                readers.run(),
            )
        await say_goodbye(store, modules.READERS, machine)


def _readers(loaded: Loaded, log: Log, machine: Machine, store: Store) -> Readers:
    configuration, mailboxes = loaded.configuration, SinkMailboxes(loaded.directory)
    ledger = Ledger(loaded.directory, partial(machine.sockets.append_file, lines=True))
    asking = Asking(ledger, machine.clock, machine.network(loaded).admit)
    acting = Acting(configuration.readers, asking, mailboxes, StoreOriginals(store), log)

    def changed(waiting: int) -> None:
        try:
            write_state(loaded.directory, waiting, mailboxes.read_to())
        except OSError as error:  # it only tells others when all is read
            log.warning("no_state", note=f"cannot say what is left to read: {error}")

    return Readers(personas(configuration.reader), acting, changed)
