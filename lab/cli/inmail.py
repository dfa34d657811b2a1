"""``mtalab inmail``: the port for bounces alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.services.door import DoorIsOff
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def inmail(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the SMTP port at which bounces, complaints and replies arrive."""
        from lab.machine import ThisMachine
        from lab.services.inmail import run_inmail
        from lab.services.loop import in_loop

        given = service(config, json=json, log=log_format)
        loaded = given.loaded
        if not loaded.configuration.inmail.is_on:
            raise DoorIsOff(
                "the port for bounces is off",
                where=Where(loaded.path.name, "inmail.listen"),
                remedy="Give it an address such as 127.0.0.1:2526.",
            )
        in_loop(run_inmail(loaded, given.reload, given.log("inmail"), ThisMachine()))
