"""``mtalab``: the commands put together, and what a failure looks like.

Only the command that is called is imported: a lab starts eight processes, and each would pay for
all of them.
"""

import gc
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from lab.logs import speaks_json
from mail.errors import EnvironmentFault, MtalabError, UserError

COMMANDS: Final = (
    "init",
    "config",
    "lint",
    "plan",
    "replan",
    "dkim",
    "up",
    "down",
    "doctor",
    "submit",
    "status",
    "top",
    "why",
    "deliveries",
    "report",
    "log",
    "tracking-log",
    "message",
    "queue",
    "trace",
    "audit",
    "addresses",
    "bounces",
    "export",
    "inbox",
    "reconcile",
    "confirm",
    "pause",
    "resume",
    "cancel",
    "wave",
    "urls",
    "tracking-key",
    "retry",
    "check",
    "delete",
    "restore",
    "prune",
    "mta",
    "lane",
    "run",
    "record",
    "warmup",
    "demo",
    "bench",
    "scheduler",
    "worker",
    "sink",
    "submission",
    "inmail",
    "tracking",
    "web",
    "webhooks",
    "readers",
    "serve-tests",
)  # each a module of its name here; as --help shows them
COMPLETION: Final = "_MTALAB_COMPLETE"  # set by the shell that asks
# Imports make many objects, 160,000 in a worker, and no garbage: to look for it among them would be
# a twelfth of a process's start. A service then looks more often (lab/services/loop.py).
GARBAGE_THRESHOLDS: Final = (250_000, 20, 20)


def make_app(words: Sequence[str]) -> typer.Typer:
    """The program for this command line; all commands, if it does not begin with one."""
    app = typer.Typer(
        name="mtalab",
        help="A mail-delivery pipeline that runs whole on one laptop.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_main)
    called = words[0] if words and COMPLETION not in os.environ else None
    for name in [called] if called in COMMANDS else COMMANDS:
        importlib.import_module(f"lab.cli.{name.replace('-', '_')}").register(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mtalab {version('mtalab')}")
        raise typer.Exit


def _main(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """A mail-delivery pipeline that runs whole on one laptop."""


def run() -> None:
    """The console script: no traceback for what a user or a machine did wrong."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        make_app(sys.argv[1:])()
    except BaseExceptionGroup as group:
        faults, rest = group.split(MtalabError)
        if rest is not None or faults is None:
            raise
        sys.exit(_tell(_leaves(faults)[0]))
    except MtalabError as error:
        sys.exit(_tell(error))


def _leaves(group: BaseExceptionGroup[MtalabError]) -> list[MtalabError]:
    found: list[MtalabError] = []
    for each in group.exceptions:
        found.extend(_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    return found


def _tell(error: MtalabError) -> int:
    if speaks_json():
        logging.getLogger("mtalab").error("%s", error)
    else:
        print(f"mtalab: {error}", file=sys.stderr)
    if isinstance(error, UserError):
        return 2
    assert isinstance(error, EnvironmentFault), "only what a user or a machine did is told so"
    return 1
