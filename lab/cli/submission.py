"""``mtalab submission``: the SMTP submission port alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service
from lab.submit.errors import BadSubmission
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def submission(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the SMTP port at which applications submit their mail."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.submission import run_submission

        given = service(config, json=json, log=log_format)
        loaded = given.loaded
        if not loaded.configuration.submission.is_on:
            raise BadSubmission(
                "the submission port is off",
                where=Where(loaded.path.name, "submission.listen"),
                remedy="Give it an address such as 127.0.0.1:2525.",
            )
        in_loop(run_submission(loaded, given.reload, given.log("submission"), ThisMachine()))
