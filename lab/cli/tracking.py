"""``mtalab tracking``: the tracking server alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.services.door import DoorIsOff
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def tracking(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the server that tracked links, opens, mirror pages and unsubscriptions lead to."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.tracking import run_tracking

        given = service(config, json=json, log=log_format)
        loaded = given.loaded
        if not loaded.configuration.tracking.is_on:
            raise DoorIsOff(
                "the tracking server is off",
                where=Where(loaded.path.name, "tracking.listen"),
                remedy="Give it an address such as 127.0.0.1:8026.",
            )
        in_loop(run_tracking(loaded, given.reload, given.log("tracking"), ThisMachine()))
