"""``mtalab web``: the page, the API and the metrics alone."""

from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.services.door import DoorIsOff
from lab.web_settings import LISTEN
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def web(
        listen: Annotated[
            str | None, typer.Option(help="address:port, in place of the file's.")
        ] = None,
        json: JsonOption = False,
        log_format: LogOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Run the web page and the API; also of a lab that a scenario kept, to look around."""
        from lab.kept import is_kept
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.web.service import run_web

        given = service(config, json=json, log=log_format, web=listen)
        if is_kept(given.loaded) and listen is None:  # scenarios have no page while they run
            given = service(config, json=json, log=log_format, web=LISTEN)
        loaded = given.loaded
        if not loaded.configuration.web.is_on:
            raise DoorIsOff(
                "the web page is off",
                where=Where(loaded.path.name, "web.listen"),
                remedy="Give it an address such as 127.0.0.1:8025, here or with --listen.",
            )
        in_loop(run_web(loaded, given.reload, given.log("web"), ThisMachine()))
