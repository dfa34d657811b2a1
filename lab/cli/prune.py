"""``mtalab prune``: remove what is older than the configuration keeps."""

import asyncio
import contextlib
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, moment, print_json, progress_bar
from lab.housekeeping.prune import OF_FILES, Kind, Pruned, cuts, look, prune
from lab.stores import store_of
from mail.errors import UserError, Where
from mail.notation import duration_s
from world.clock import SystemClock


class BadPruning(UserError):
    """What is to be pruned is not said so that it can be."""


def register(app: typer.Typer) -> None:
    @app.command(name="prune")
    def command(
        kind: Annotated[
            list[Kind] | None, typer.Option(help="Only this kind; may be given again.")
        ] = None,
        older_than: Annotated[
            str | None,
            typer.Option(help="Such as 90d, instead of what [retention] says; needs --kind."),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
        vacuum: Annotated[
            bool,
            typer.Option(
                "--vacuum",
                help="Then give the room back. SQLite needs as much disk again, and all who write "
                "wait meanwhile.",
            ),
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Remove old records ([retention]), some at a time: safe while the lab sends."""
        age_s = _age(older_than, kind)
        loaded, clock = loaded_from(config), SystemClock()
        before = cuts(loaded, clock.now(), kind or list(Kind), age_s)
        room: dict[str, int] | None = None
        with contextlib.closing(store_of(loaded)) as store:
            if dry_run:
                found = look(store, loaded, before)
            else:
                with progress_bar() as bar:
                    task = bar.add_task("pruning", total=None)

                    def show(kind: Kind, gone: int) -> None:
                        bar.update(task, description=kind.replace("_", " "), completed=gone)

                    found = asyncio.run(prune(store, loaded, clock, before, show))
            if vacuum and not dry_run:
                from store.vacuum import size
                from store.vacuum import vacuum as give_back

                whole = size(store).whole
                give_back(store)
                room = {"before": whole, "after": size(store).whole}
        _tell(found, room, is_done=not dry_run, as_json=json)


def _age(text: str | None, kinds: list[Kind] | None) -> float | None:
    if text is None:
        return None
    where = Where(key="--older-than")
    if not kinds:
        remedy = f"Name them with --kind: {', '.join(Kind)}."
        raise BadPruning("says for no kind how old it must be", where=where, remedy=remedy)
    try:
        return duration_s(text)
    except ValueError as error:
        raise BadPruning(f"{text!r} is no duration", where=where, remedy=f"{error}.") from None


def _tell(
    found: list[Pruned], room: dict[str, int] | None, *, is_done: bool, as_json: bool
) -> None:
    if as_json:
        print_json(
            {"done": is_done, "kinds": [_as_json(each) for each in found], "store_bytes": room}
        )
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("kind")
    table.add_column("older than")
    table.add_column("removed" if is_done else "to be removed", justify="right")
    for each in found:
        unit = f" files, {each.size / 1e6:.1f} MB" if each.kind in OF_FILES else " rows"
        old = "" if each.kind is Kind.ORPHANS else moment(each.before)
        table.add_row(each.kind.replace("_", " "), old, f"{each.rows}{unit}")
    console().print(table)
    if room is not None:
        print(f"store: {room['before'] / 1e6:.1f} MB before, {room['after'] / 1e6:.1f} MB now")


def _as_json(pruned: Pruned) -> dict[str, Any]:
    return {
        "kind": pruned.kind,
        "before": pruned.before,
        "removed": pruned.rows,
        "bytes": pruned.size,
    }
