"""The name of an MTA instance on the command line."""

from typing import Annotated

import typer

from lab.cli.completion import instance_names

Name = Annotated[
    str,
    typer.Argument(
        help="The instance's name, as under mta in the file.", autocompletion=instance_names
    ),
]
