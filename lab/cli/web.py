"""``mtalab web``: the page, the API and the metrics alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.services.door import DoorIsOff
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def web(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the web page and the API; also of a lab that a scenario kept, to look around."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.web import run_web

        given = service(config, json=json, log=log_format)
        loaded = given.loaded
        if not loaded.configuration.web.is_on:
            raise DoorIsOff(
                "the web page is off",
                where=Where(loaded.path.name, "web.listen"),
                remedy="Give it an address such as 127.0.0.1:8025.",
            )
        in_loop(run_web(loaded, given.reload, given.log("web"), ThisMachine()))
