"""``mtalab webhooks``: those of the configuration, what they could not tell, and trying again."""

import contextlib
import os
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, loaded_from, service
from lab.cli.output import ago, console, moment, print_json
from lab.configuration import Loaded
from lab.stores import store_of
from lab.webhook_settings import WebhookSettings
from mail.errors import UserError, Where
from store import webhooks
from store.engine import Store
from world.clock import SystemClock


class UnknownWebhook(UserError):
    """There is no webhook of that name, or none at all."""


class WebhookInUse(UserError):
    """A webhook was to be forgotten that is being told."""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    url: str | None  # None: it is not in the file any more
    events: tuple[str, ...]
    posted: int
    posted_at: float | None
    behind: int  # rows of both logs that it has not looked at or not told
    attempts: int  # of the request that is not taken
    next_at: float | None
    error: str | None
    dead: int


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Events posted by HTTP to who asked for them.")
    app.add_typer(group, name="webhooks")
    _register_looks(group)
    _register_deeds(group)
    _register_tools(group)


def _register_looks(group: typer.Typer) -> None:
    @group.command(name="list")
    def list_(json: JsonOption = False, config: ConfigOption = None) -> None:
        """List webhooks: what they were told and what keeps them."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = _lines(store, loaded)
        if json:
            print_json([asdict(each) for each in found])
            return
        _print(found)

    @group.command()
    def dead(
        name: Annotated[str | None, typer.Argument(help="Of this webhook alone.")] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """List dead letters: requests that were not taken however often they were tried."""
        loaded = loaded_from(config)
        with contextlib.closing(store_of(loaded)) as store:
            found = store.read_now(webhooks.dead, name)
        if json:
            print_json([_as_json(each) for each in found])
            return
        for each in found:
            asked = "" if each.asked_at is None else ", to be tried again"
            print(
                f"{each.id:>6} {each.webhook} {moment(each.died_at)} {each.letter.events} events, "
                f"{each.attempts} requests{asked}: {each.error}"
            )


def _register_deeds(group: typer.Typer) -> None:
    @group.command()
    def retry(
        name: Annotated[str | None, typer.Argument(help="Those of this webhook alone.")] = None,
        letter: Annotated[
            list[int] | None, typer.Option("--id", help="This dead letter; can be repeated.")
        ] = None,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Let dead letters be posted once more, by `mtalab up`. Exit code 1: there is none."""
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            asked = store.write_now(webhooks.ask_again, clock.now(), name, letter or ())
        if json:
            print_json({"asked": asked})
        else:
            print(f"{asked} dead letters are tried again")
        raise typer.Exit(0 if asked else 1)

    @group.command()
    def test(
        name: Annotated[str, typer.Argument(help="A webhook of the configuration.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Post a signed `webhook.test` event now. Exit code 1: it was not taken."""
        import asyncio

        from lab.webhooks.post import NotDelivered
        from lab.webhooks.trial import trial

        loaded = loaded_from(config)
        index = [each.name for each in loaded.configuration.webhook].index(_named(loaded, name))
        try:
            status: int | None = asyncio.run(trial(loaded, index, SystemClock()))
            said = f"answered {status}"
        except NotDelivered as failure:
            status, said = None, str(failure)
        if json:
            print_json({"taken": status is not None, "status": status, "said": said})
        else:
            print(said)
        raise typer.Exit(1 if status is None else 0)


def _register_tools(group: typer.Typer) -> None:
    @group.command()
    def forget(
        name: Annotated[str, typer.Argument(help="One that is not in the configuration.")],
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Drop how far a webhook was told, and its dead letters. Exit code 1: it is not known."""
        loaded = loaded_from(config)
        if any(each.name == name for each in loaded.configuration.webhook):
            raise WebhookInUse(
                f"webhook {name!r} is in the configuration",
                where=Where(loaded.path.name, "webhook"),
                remedy="Take it out there first.",
            )
        with contextlib.closing(store_of(loaded)) as store:
            was_known = store.write_now(webhooks.forget, name)
        if json:
            print_json({"forgotten": was_known})
        else:
            print(f"{name} is forgotten" if was_known else f"{name} is not known")
        raise typer.Exit(0 if was_known else 1)

    @group.command()
    def secret() -> None:
        """Make a secret, for a file that only its owner may read."""
        from lab.webhooks.signing import SECRET_BYTES, as_text

        print(as_text(os.urandom(SECRET_BYTES)))  # noqa: TID251 - it has to be a secret

    @group.command()
    def run(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Post events until stopped; `mtalab up` does."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.webhooks import run_webhooks

        given = service(config, json=json, log=log_format)
        if not given.loaded.configuration.webhook:
            raise _none(given.loaded)
        in_loop(run_webhooks(given.loaded, given.reload, given.log("webhooks"), ThisMachine()))


def _lines(store: Store, loaded: Loaded) -> list[_Line]:
    settings = {each.name: each for each in loaded.configuration.webhook}
    known = {each.name: each for each in store.read_now(webhooks.every)}
    dead, ends = store.read_now(webhooks.dead_counts), store.read_now(webhooks.ends)
    names = dict.fromkeys([*settings, *known, *dead])
    return [
        _line(name, settings.get(name), known.get(name), dead.get(name, 0), ends) for name in names
    ]


def _line(
    name: str,
    settings: WebhookSettings | None,
    state: webhooks.Webhook | None,
    dead: int,
    ends: webhooks.Cursor,
) -> _Line:
    url, events = (None, ()) if settings is None else (settings.url, settings.events)
    if state is None:
        return _Line(name, url, events, 0, None, 0, 0, None, None, dead)
    behind = (ends.transition_id - state.transition_id) + (ends.tracking_id - state.tracking_id)
    return _Line(
        name,
        url,
        events,
        state.posted,
        state.posted_at,
        max(behind, 0),
        state.attempts,
        state.next_at,
        state.error,
        dead,
    )


def _print(found: list[_Line]) -> None:
    from rich import box
    from rich.table import Table

    now = SystemClock().now()
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("webhook", "url", "posted", "last", "behind", "dead", "trouble"):
        table.add_column(
            column, justify="right" if column in {"posted", "behind", "dead"} else "left"
        )
    for each in found:
        trouble = ""
        if each.next_at is not None:
            trouble = f"{each.error}; {each.attempts} requests, next {moment(each.next_at)}"
        table.add_row(
            each.name,
            each.url or "not in the file",
            str(each.posted),
            "never" if each.posted_at is None else ago(now - each.posted_at),
            str(each.behind),
            str(each.dead),
            trouble,
        )
    console().print(table)


def _as_json(each: webhooks.DeadLetter) -> dict[str, Any]:
    return {
        "id": each.id,
        "webhook": each.webhook,
        "message": each.letter.message,
        "events": each.letter.events,
        "attempts": each.attempts,
        "error": each.error,
        "died_at": each.died_at,
        "asked_at": each.asked_at,
        "body": each.letter.body,
    }


def _named(loaded: Loaded, name: str) -> str:
    names = [each.name for each in loaded.configuration.webhook]
    if name in names:
        return name
    if not names:
        raise _none(loaded)
    raise UnknownWebhook(
        f"there is no webhook {name!r}",
        where=Where(loaded.path.name, "webhook"),
        remedy=f"There are: {', '.join(names)}.",
    )


def _none(loaded: Loaded) -> UnknownWebhook:
    return UnknownWebhook(
        "there is no webhook",
        where=Where(loaded.path.name, "webhook"),
        remedy="Add a table [[webhook]] with a name, a url and a secret_file (docs/webhooks.md).",
    )
