"""``mtalab up``: the whole lab, in the foreground or in the background."""

import asyncio
from typing import Annotated

import typer

from lab.cli.durations import seconds_of
from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.cli.output import print_json
from lab.configuration import Loaded
from mail.errors import UserError, Where
from world.clock import SystemClock


class NotDetached(UserError):
    """An option was given that only a lab in the background heeds."""


def register(app: typer.Typer) -> None:
    @app.command()
    def up(
        detach: Annotated[
            bool,
            typer.Option("--detach", "-d", help="Run in the background; return when it is ready."),
        ] = False,
        within: Annotated[
            str | None,
            typer.Option(help="With --detach: how long it may take to be ready; 60s if not said."),
        ] = None,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run scheduler, MTA instances and sinks until Ctrl-C; follows changes of the file.

        With --detach it logs to up.log in the lab's directory, and `mtalab down` stops it.
        """
        from lab.services.loop import in_loop
        from lab.services.up import run_up

        if within is not None and not detach:
            raise NotDetached(
                "this is for --detach: without it `mtalab up` runs until it is stopped",
                where=Where(key="--within"),
                remedy="Say --detach too, or leave it out.",
            )
        if detach:
            from lab.detached import LOG, start_detached

            # The form of the answer is not that of the log.
            given = service(config, json=False, log=log_format)
            within_s = seconds_of(within or "60s", "--within")
            pid = asyncio.run(start_detached(given.loaded, SystemClock(), within_s))
            file = given.loaded.directory / LOG
            address = page_of(given.loaded)
            if json:
                print_json({"pid": pid, "log": str(file), "page": address})
            else:
                print(f"the lab is up (pid {pid}); it logs to {file}; `mtalab down` stops it")
                if address is not None:
                    print(f"look at it: {address}")
            return
        given = service(config, json=json, log=log_format)
        loaded, log = given.loaded, given.log("up")
        note = f"lab {loaded.configuration.lab.name!r} in {loaded.directory}; Ctrl-C stops it"
        log.info("starting", note=note)
        address = page_of(loaded)
        if address is not None:
            log.info("page", note=f"look at it: {address}", address=address)
        in_loop(run_up(loaded, given.reload, log))
        log.info("stopped", note="stopped")


def page_of(loaded: Loaded) -> str | None:
    """Where a browser finds the lab's page; None: it has none."""
    settings = loaded.configuration.web
    return f"http://{settings.listen}" if settings.is_on else None
