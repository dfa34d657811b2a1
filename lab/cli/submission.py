"""``mtalab submission``: the SMTP submission port alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from, reloader
from lab.cli.output import speaker
from lab.submit.errors import BadSubmission
from mail.errors import Where


def register(app: typer.Typer) -> None:
    @app.command()
    def submission(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Run the SMTP port at which applications submit their mail."""
        from lab.run import in_loop, run_submission

        loaded = loaded_from(config)
        if not loaded.configuration.submission.is_on:
            raise BadSubmission(
                "the submission port is off",
                where=Where(loaded.path.name, "submission.listen"),
                remedy="Give it an address such as 127.0.0.1:2525.",
            )
        in_loop(run_submission(loaded, reloader(config), speaker(as_json=json)))
