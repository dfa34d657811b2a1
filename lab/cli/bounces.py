"""``mtalab bounces``: what came back, and what the texts of failures mean."""

import typer

from lab.cli import bounce_rules, bounce_texts


def register(app: typer.Typer) -> None:
    bounces = typer.Typer(
        no_args_is_help=True, help="Bounces, and what the texts of failures mean."
    )
    app.add_typer(bounces, name="bounces")
    bounce_texts.register(bounces)
    bounce_rules.register(bounces)
