"""``mtalab log``: the delivery log, or the transitions behind it, filtered and followed."""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NoReturn

import orjson
import typer

from lab.cli.completion import delivery_ids
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import moment
from lab.happenings import Happenings
from lab.shapes.log import as_json
from lab.stores import store_of
from mail.errors import UserError, Where
from mail.notation import duration_s
from mail.reason import Reason
from mail.states import MessageStatus
from store import deliveries, log
from store.engine import Store
from world.clock import Clock, SystemClock

FOLLOW_EVERY_S: Final = 0.3


class BadFilter(UserError):
    """A filter that names nothing."""


def register(app: typer.Typer) -> None:
    @app.command(name="log")
    def command(
        delivery: Annotated[
            int | None, typer.Option("--delivery", "-d", autocompletion=delivery_ids)
        ] = None,
        status: Annotated[MessageStatus | None, typer.Option("--status", "-s")] = None,
        domain: Annotated[str | None, typer.Option(help="Domain, with * and ?.")] = None,
        ip: Annotated[str | None, typer.Option(help="Source IP.")] = None,
        reason: Annotated[str | None, typer.Option(help="Such as mailbox_full.")] = None,
        since: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        until: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The last ones.")] = 50,
        transitions: Annotated[
            bool, typer.Option("--transitions", "-t", help="Every change, not every message.")
        ] = False,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on with transitions as they happen.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Show the delivery log, a line per message; with --json a JSON object per line."""
        loaded = loaded_from(config)
        clock = SystemClock()
        wanted = log.Filter(
            delivery_id=delivery,
            status=status,
            domain=domain,
            source_ip=ip,
            reason=None if reason is None else reason_named(reason),
            since=time_of("--since", since, clock),
            until=time_of("--until", until, clock),
        )
        say: Callable[[Any], str] = _line if json else _text
        with contextlib.closing(store_of(loaded)) as store:
            if delivery is not None:
                store.read_now(deliveries.get, delivery)  # an unknown one is refused
            if follow:
                _follow(store, wanted, limit, say)
            for each in _listed(store, wanted, limit, changes=transitions):
                print(say(each))


def _listed(
    store: Store, wanted: log.Filter, limit: int, *, changes: bool
) -> Sequence[log.Message | log.Transition]:
    if changes:
        return store.read_now(log.transitions, wanted, limit=limit, newest=True)
    return store.read_now(log.messages, wanted, limit=limit, newest=True)


def _follow(store: Store, wanted: log.Filter, limit: int, say: Callable[[Any], str]) -> NoReturn:
    happenings = Happenings(wanted, with_audit=False)
    while (place := store.read_now(happenings.begin)) is None:
        _wait()
    until = place.transition + 1
    for each in store.read_now(log.transitions, wanted, before_id=until, limit=limit, newest=True):
        print(say(each))
    while True:
        batch = store.read_now(happenings.next, place)
        for told in batch.told:
            print(say(told.what))
        sys.stdout.flush()
        place = batch.until
        if not batch.has_more:
            _wait()


def _wait() -> None:
    time.sleep(FOLLOW_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile


def _text(each: log.Message | log.Transition) -> str:
    reason = "" if each.reason is None else f" {each.reason.label}"
    if isinstance(each, log.Transition):
        said = f"{each.code} {each.text}" if each.code is not None else each.text
        by = "" if each.mta is None else f" {each.mta}-{each.worker_id} from {each.source_ip}"
        return (
            f"{moment(each.at)} {each.message_id:>7} {each.address} "
            f"{each.from_status}→{each.to_status}{reason} try {each.attempt}{by}{_said(said)}"
        )
    wait = "" if each.next_attempt_at is None else f" next {moment(each.next_attempt_at)}"
    by = "" if each.source_ip is None else f" from {each.source_ip}"
    return (
        f"{moment(each.changed_at)} {each.id:>7} {each.address} {each.status}{reason} "
        f"tries {each.attempts}{by}{wait}{_said(each.reply)}"
    )


def _said(reply: str | None) -> str:
    return f": {reply}" if reply else ""


def _line(each: log.Message | log.Transition) -> str:
    return orjson.dumps(as_json(each)).decode()


def reason_named(text: str) -> Reason:
    try:
        return Reason[text.upper()]
    except KeyError:
        raise BadFilter(
            f"there is no reason {text!r}",
            where=Where(key="--reason"),
            remedy="Reasons are: " + ", ".join(each.label for each in Reason) + ".",
        ) from None


def time_of(option: str, text: str | None, clock: Clock) -> float | None:
    """The time that an option means.

    Raises:
        BadFilter: it means none.
    """
    return time_at(option, text, clock.now())


def time_at(option: str, text: str | None, now: float) -> float | None:
    """The time that an option means, as seen from a time.

    Raises:
        BadFilter: it means none.
    """
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        return now - duration_s(text)
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadFilter(
            f"{text!r} is no time",
            where=Where(key=option),
            remedy="Use 2026-12-24T08:00, or 10m for ten minutes ago.",
        ) from None
