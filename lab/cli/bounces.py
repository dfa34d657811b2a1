"""``mtalab bounces``: what came back, and what the texts of failures mean."""

import typer

from lab.cli import bounce_rules, bounce_texts, bounces_list, bounces_show


def register(app: typer.Typer) -> None:
    bounces = typer.Typer(
        no_args_is_help=True, help="What came back by mail, and what the texts of failures mean."
    )
    app.add_typer(bounces, name="bounces")
    bounces_list.register(bounces)
    bounces_show.register(bounces)
    bounce_texts.register(bounces)
    bounce_rules.register(bounces)
