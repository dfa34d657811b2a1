"""``mtalab export``: all that happened, in the words of another MTA's log."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Final

import orjson
import typer

from affinity.route import Routes
from lab.cli.log import FOLLOW_EVERY_S, BadFilter, time_of
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.configuration import Loaded
from lab.stores import store_of
from mail.errors import Where
from monitor.events import record
from monitor.export.place import Place
from monitor.export.syslog import SyslogTime
from store import deliveries, log, tail
from store.engine import Store
from world.clock import SystemClock

_SETTLE_EVERY_S: Final = 0.02  # a transaction takes milliseconds
_SETTLE_LOOKS: Final = 100
_PAGE: Final = 1000


class Format(StrEnum):
    """Whose log it looks like."""

    KUMO = "kumo"
    POSTFIX = "postfix"
    POWERMTA = "powermta"


def register(app: typer.Typer) -> None:
    @app.command(name="export")
    def command(
        delivery: Annotated[int | None, typer.Option("--delivery", "-d")] = None,
        since: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        until: Annotated[str | None, typer.Option(help="A time, or 10m ago as 10m.")] = None,
        after: Annotated[
            int, typer.Option(min=0, help="Only what is newer: the last `seq` that you have.")
        ] = 0,
        form: Annotated[
            Format,
            typer.Option(
                "--format",
                help="KumoMTA's JSON lines, Postfix's syslog, or PowerMTA's accounting CSV.",
            ),
        ] = Format.KUMO,
        follow: Annotated[bool, typer.Option(help="Go on with what happens, until ended.")] = False,
        syslog_time: Annotated[
            SyslogTime, typer.Option(help="Of postfix: how a line begins.")
        ] = SyslogTime.TRADITIONAL,
        syslog_host: Annotated[
            str, typer.Option(help="Of postfix: the host's name; otherwise that of the MTA.")
        ] = "",
        json: JsonOption = False,  # noqa: ARG001 - the first format is JSON in any case
        config: ConfigOption = None,
    ) -> None:
        """Write every event, oldest first, in a format that tools for logs read.

        docs/exports.md says of each field where it comes from.
        """
        loaded, clock = loaded_from(config), SystemClock()
        _check_host(syslog_host)
        wanted = log.Filter(
            delivery_id=delivery,
            since=time_of("--since", since, clock),
            until=time_of("--until", until, clock),
        )
        write = _writer(loaded, form, syslog_host, syslog_time)
        with contextlib.closing(store_of(loaded)) as store:
            if delivery is not None:
                store.read_now(deliveries.get, delivery)  # an unknown one is refused
            for each in _events(store, wanted, after, follow=follow, form=form):
                sys.stdout.write(write(each))


def _check_host(name: str) -> None:
    """Refuse a name that would be two words of a line."""
    if any(each.isspace() or not each.isprintable() for each in name):
        raise BadFilter(
            f"{name!r} is no name of a host",
            where=Where(key="--syslog-host"),
            remedy="Give one word, such as mx1.",
        )


def _events(
    store: Store, wanted: log.Filter, after: int, *, follow: bool, form: Format
) -> Iterator[log.Event]:
    """Those wanted, page by page; numbers are remembered, so no later one may come in between."""
    end = tail.of_transitions()
    for _ in range(_SETTLE_LOOKS):
        if store.read_now(end.advance) or not end.is_waiting:
            break
        time.sleep(_SETTLE_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile
    while True:
        up_to = end.settled
        while found := store.read_now(
            log.events,
            wanted,
            after_id=after,
            up_to_id=up_to,
            limit=_PAGE,
            with_first=form is not Format.KUMO,
        ):
            yield from found
            after = found[-1].transition.id
        if not follow:
            return
        after = max(after, up_to)
        sys.stdout.flush()
        time.sleep(FOLLOW_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile
        store.read_now(end.advance)


def _writer(
    loaded: Loaded, form: Format, host: str, syslog_time: SyslogTime
) -> Callable[[log.Event], str]:
    """What makes text, with its line ends, of an event; a header is written at once."""
    domain, places = loaded.configuration.lab.domain, _places(loaded)
    if form is Format.KUMO:
        return lambda each: orjson.dumps(
            record(each, domain), option=orjson.OPT_APPEND_NEWLINE
        ).decode()
    if form is Format.POSTFIX:
        from monitor.export.postfix import Postfix

        made = Postfix(domain, host, syslog_time, places)
        return lambda each: "".join(f"{line}\n" for line in made.lines(each))
    from monitor.export import powermta

    sys.stdout.write(powermta.header())
    return lambda each: powermta.records(each, domain, places)


def _places(loaded: Loaded) -> dict[str, Place]:
    """The MX groups that lead to one host: of these it is known where mail went."""
    routes, found = Routes(loaded.configuration.route), {}
    for name, route in loaded.configuration.route.items():
        if len(route.places) == 1:
            end = loaded.endpoint_of(route.places[0])
            if end is not None:
                found[name] = Place(route.places[0].mx or routes.mx_host(name), *end)
    return found
