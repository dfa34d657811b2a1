"""``mtalab bounces``: what came back by mail; each sub-command in a file of its own."""

import typer

from lab.cli import bounces_list, bounces_show


def register(app: typer.Typer) -> None:
    bounces = typer.Typer(
        no_args_is_help=True, help="What came back by mail: bounces, complaints, replies."
    )
    app.add_typer(bounces, name="bounces")
    bounces_list.register(bounces)
    bounces_show.register(bounces)
