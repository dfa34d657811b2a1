"""``mtalab mta NAME``: one MTA instance with its workers."""

from typing import Annotated

import typer

from affinity.check import nearest
from lab.cli.options import ConfigOption, JsonOption, loaded_from, reloader
from lab.cli.output import speaker
from lab.configuration import Loaded
from mail.errors import UserError, Where

Name = Annotated[str, typer.Argument(help="The instance's name: NAME of [mta.NAME].")]


class UnknownInstance(UserError):
    """The configuration has no instance of that name."""


def instance_of(loaded: Loaded, name: str) -> str:
    """The name, if the configuration has such an instance.

    Raises:
        UnknownInstance: it has none.
    """
    known = loaded.configuration.mta
    if name not in known:
        raise UnknownInstance(
            f"there is no MTA instance {name!r}{nearest(name, known)}",
            where=Where(loaded.path.name, "mta"),
            remedy=f"Configured are: {', '.join(known) or 'none'}.",
        )
    return name


def register(app: typer.Typer) -> None:
    @app.command()
    def mta(name: Name, json: JsonOption = False, config: ConfigOption = None) -> None:
        """Run one MTA instance and its worker processes."""
        from lab.run import in_loop, run_instance

        loaded = loaded_from(config)
        in_loop(
            run_instance(loaded, instance_of(loaded, name), reloader(config), speaker(as_json=json))
        )
