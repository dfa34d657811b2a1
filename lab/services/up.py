"""The whole lab: a supervisor and its children."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lab.audited import Audited
from lab.configuration import Loaded
from lab.destinations import destinations, signing_keys
from lab.doors import doors
from lab.following import accounts, hang_up
from lab.kept import refuse_to_run
from lab.lifetime import first_of, until_told_to_stop
from lab.machine import Machine, ThisMachine
from lab.services.loop import Reload
from lab.services.sinks import sink_service
from lab.supervisor import Supervisor
from lab.webhooks.service import keys
from sinks.errors import ListenAddressUnusable
from sinks.service import tls_folder
from world.log import Log

ORPHANS_LEAVE_WITHIN_S: Final = 2.0


async def run_up(loaded: Loaded, reload: Reload, log: Log) -> None:
    """The whole lab.

    Raises:
        UnusableSecret: a webhook cannot be signed for.
        UnusableFile: a password, key or the authorities of a route cannot be read.
        LabWasSimulated: it is there to be looked at.
    """
    refuse_to_run(loaded)
    machine = ThisMachine()
    _make_authority(loaded, machine)  # a route may trust it
    signing_keys(loaded)
    keys(loaded)
    destinations(loaded)  # better one clear refusal than workers that cannot start
    had_terminal = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and _has_terminal()

    def hung_up() -> None:
        if had_terminal and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)  # its window was closed: nobody watches any more
        else:
            hang_up(accounts(loaded.directory))

    # One process makes the schema before five ask for it.
    with (
        contextlib.closing(machine.store_of(loaded)) as store,
        Audited(store, machine.clock) as told,
    ):
        supervisor = lab_of(loaded, machine, reload, log, ends_by_signal=True, begins=told.begins)
        with supervisor.following.on_hangup(hung_up):
            await first_of(until_told_to_stop(), supervisor.run())


def lab_of(
    loaded: Loaded,
    machine: Machine,
    reload: Reload,
    log: Log,
    *,
    output: Path | None = None,
    ends_by_signal: bool = False,
    begins: Callable[[], None] = lambda: None,
) -> Supervisor:
    """The supervisor of a lab, which refuses to start where its sinks could not listen.

    ``begins`` is called when nothing is in the way any more, before the first process starts.
    """

    async def ready() -> None:
        await all_can_listen(loaded, machine)
        begins()

    return Supervisor(
        loaded,
        machine,
        reload=reload,
        log=log,
        ready=ready,
        output=output,
        ends_by_signal=ends_by_signal,
    )


def _has_terminal() -> bool:
    """Whether a terminal controls this process, wherever its words go."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def all_can_listen(loaded: Loaded, machine: Machine) -> None:
    """See whether all ports are free: better one clear refusal than a child that loops.

    The sinks of a supervisor that was killed leave by themselves a moment later.

    Raises:
        ListenAddressUnusable: something else has one of the ports.
    """
    clock = machine.clock
    deadline = clock.monotonic() + ORPHANS_LEAVE_WITHIN_S
    while True:
        try:
            sink_service(loaded, machine).check()
            for door in doors(loaded.configuration):
                machine.sockets.bind(door.who, door.listen).close()
        except ListenAddressUnusable:
            if clock.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


def _make_authority(loaded: Loaded, machine: Machine) -> None:
    """The authority of the sinks' certificates, if any sink has one.

    Raises:
        SinkFilesUnusable: it cannot be written or read.
    """
    if sink_service(loaded, machine).shows_certificates:
        from sinks import certificates  # slow to import, and few labs need it

        certificates.authority(tls_folder(loaded.directory), machine.clock.now())
