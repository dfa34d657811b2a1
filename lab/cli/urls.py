"""``mtalab urls``: the tracked URLs of a delivery, what is done with each, what is remembered."""

import contextlib
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from typer.core import TyperGroup

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.cli.steering import Delivery
from lab.stores import store_of
from lab.submit.errors import BadSubmission
from lab.submit.tracked import shown
from mail.errors import Where
from mail.tracked import UrlMode
from store import deliveries, tracked_urls
from store.errors import NotTracked
from store.tracked_urls import Change, Remembered, TrackedUrl
from world.clock import SystemClock


class _ListUnlessNamed(TyperGroup):
    """A first word that is no command of the group is the delivery whose URLs are listed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    urls = typer.Typer(
        cls=_ListUnlessNamed,
        no_args_is_help=True,
        help="Tracked URLs: `urls DELIVERY` lists them, `urls set DELIVERY NUMBER` changes one, "
        "`urls remembered` what holds for all deliveries.",
    )
    app.add_typer(urls, name="urls")

    @urls.command(name="list")
    def listing(delivery: Delivery, json: JsonOption = False, config: ConfigOption = None) -> None:
        """List the tracked URLs of a delivery."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = store.read_now(tracked_urls.of, delivery)
            if found is None:
                store.read_now(deliveries.source_of, delivery)  # it says if there is none at all
                raise NotTracked(delivery)
        if json:
            print_json(shown(found.urls))
        else:
            print_urls(found.urls)

    _register_set(urls)
    _register_remembered(urls)


def _register_set(urls: typer.Typer) -> None:
    @urls.command(name="set")
    def setting(
        delivery: Delivery,
        number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `urls ID` lists it.")],
        mode: Annotated[
            str | None,
            typer.Option(
                help="enabled, not_tracked, always, never, opt_out or mirror; always and never "
                "hold for later deliveries too."
            ),
        ] = None,
        label: Annotated[str | None, typer.Option(help="Its name in reports.")] = None,
        category: Annotated[str | None, typer.Option(help="Such as footer, shop.")] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Say what is done with a URL of a delivery, before any of it is sent."""
        said = Change(None if mode is None else _mode(mode), label, category)
        if said == Change():
            raise BadSubmission(
                "nothing is to be changed",
                where=Where(key="urls set"),
                remedy="Give --mode, --label or --category.",
            )
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            now = SystemClock().now()
            done = store.write_now(tracked_urls.change, delivery, number, said, now)
        if json:
            print_json(shown((done,))[0])
        else:
            print_urls((done,))


def _register_remembered(urls: typer.Typer) -> None:
    @urls.command()
    def remembered(
        forget: Annotated[
            list[str] | None, typer.Option("--forget", metavar="URL", help="Forget this one.")
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List the URLs that are always or never tracked. Exit code 1: none to forget."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            gone = store.write_now(tracked_urls.forget, forget) if forget else 0
            left = store.read_now(tracked_urls.all_remembered)
        if json:
            print_json({"forgotten": gone, "urls": [_as_json(*each) for each in left.items()]})
        elif forget:
            print(f"{gone} forgotten, {len(left)} remembered")
        else:
            _print_remembered(left)
        if forget and gone < len(set(forget)):
            raise typer.Exit(1)


def print_urls(urls: Sequence[TrackedUrl]) -> None:
    """As a table."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("number", justify="right")
    for column in ("label", "category", "mode"):
        table.add_column(column)
    table.add_column("URL", overflow="fold")
    for each in urls:
        table.add_row(str(each.number), each.label, each.category, str(each.mode), each.url)
    console().print(table)


def _print_remembered(urls: dict[str, Remembered]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("mode", "label", "category"):
        table.add_column(column)
    table.add_column("URL", overflow="fold")
    for url, each in urls.items():
        table.add_row(str(each.mode), each.label, each.category, url)
    console().print(table if urls else "nothing is remembered")


def _as_json(url: str, each: Remembered) -> dict[str, str]:
    return {"url": url, "mode": str(each.mode), "label": each.label, "category": each.category}


def _mode(text: str) -> UrlMode:
    try:
        return UrlMode(text.replace("-", "_"))
    except ValueError:
        raise BadSubmission(
            f"there is no mode {text!r}",
            where=Where(key="--mode"),
            remedy=f"Modes are {', '.join(UrlMode)}.",
        ) from None
