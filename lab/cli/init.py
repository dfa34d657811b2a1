"""``mtalab init``: a lab that works, in an empty folder."""

from pathlib import Path
from typing import Annotated

import typer

import lab.starter
from lab.cli.options import JsonOption
from lab.cli.output import print_json
from mail.errors import UserError

FILES = ("mtalab.toml", "mail.eml", "people.csv")


class WouldOverwrite(UserError):
    """A file of that name is there already."""


def register(app: typer.Typer) -> None:
    @app.command()
    def init(
        folder: Annotated[Path, typer.Argument(help="Where; by default here.")] = Path(),
        force: Annotated[bool, typer.Option("--force", help="Replace files.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Write a commented mtalab.toml, a sample message and sample recipients."""
        there = [name for name in FILES if (folder / name).exists()]
        if there and not force:
            raise WouldOverwrite(
                f"{folder / there[0]} is there already; nothing was written",
                remedy="Choose another folder, or replace the files with --force.",
            )
        folder.mkdir(parents=True, exist_ok=True)
        source = Path(lab.starter.__file__).parent
        for name in FILES:
            (folder / name).write_bytes((source / name).read_bytes())
        if json:
            print_json({"folder": str(folder.absolute()), "files": list(FILES)})
            return
        print(f"wrote {', '.join(FILES)} in {folder.absolute()}")
        print("next, in that folder:")
        print("  mtalab up")
        print("and from another shell:")
        print("  mtalab submit --message mail.eml --recipients people.csv --affinity promo")
        print("  mtalab status; mtalab log; mtalab inbox; mtalab reconcile")
