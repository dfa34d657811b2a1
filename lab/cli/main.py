"""``mtalab``: the commands put together, and what a failure looks like."""

import logging
import sys
from typing import Annotated

import typer

from lab.cli import (
    audit,
    cancel,
    config,
    deliveries,
    demo,
    dkim,
    doctor,
    down,
    export,
    inbox,
    init,
    lane,
    log,
    message,
    mta,
    pause,
    reconcile,
    resume,
    retry,
    scheduler,
    sink,
    status,
    submission,
    submit,
    up,
    worker,
)
from lab.logs import speaks_json
from mail.errors import EnvironmentFault, MtalabError, UserError

app = typer.Typer(
    name="mtalab",
    help="A mail-delivery pipeline that runs whole on one laptop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    init,
    config,
    dkim,
    up,
    down,
    doctor,
    submit,
    status,
    deliveries,
    log,
    message,
    audit,
    export,
    inbox,
    reconcile,
    pause,
    resume,
    cancel,
    retry,
    mta,
    lane,
    demo,
    scheduler,
    worker,
    sink,
    submission,
)
for command in COMMANDS:
    command.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"mtalab {version('mtalab')}")
        raise typer.Exit


@app.callback()
def main(
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
    try:
        app()
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
