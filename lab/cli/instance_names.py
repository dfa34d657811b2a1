"""The name of an MTA instance on the command line."""

from typing import Annotated

import typer

from affinity.expected import nearest
from lab.cli.completion import instance_names
from lab.configuration import Loaded
from mail.errors import UserError, Where

Name = Annotated[
    str,
    typer.Argument(
        help="The instance's name, as under mta in the file.", autocompletion=instance_names
    ),
]


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
