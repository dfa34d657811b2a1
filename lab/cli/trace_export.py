"""``mtalab trace export``: the ways of messages to an OpenTelemetry collector."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Final

import typer

from lab.cli.completion import delivery_ids
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json, say
from lab.compose import traces_of
from lab.configuration import Loaded
from lab.stores import store_of
from lab.traces_settings import otlp_url
from lab.webhook_settings import target_of
from mail.errors import UserError, Where
from store import deliveries, log, tail
from store.engine import Store
from world.network import HostNetwork

FOLLOW_EVERY_S: Final = 1.0
_SETTLE_EVERY_S: Final = 0.02  # a transaction takes milliseconds
_SETTLE_LOOKS: Final = 100


class NoCollector(UserError):
    """It is not said where spans are to go, or they cannot go there."""


def register(trace: typer.Typer) -> None:
    @trace.command()
    def export(
        otlp: Annotated[
            str | None,
            typer.Option(help="The collector's URL; otherwise `otlp` under [traces]."),
        ] = None,
        message: Annotated[
            int | None, typer.Option("--message", "-m", min=1, help="This message alone.")
        ] = None,
        delivery: Annotated[
            int | None,
            typer.Option("--delivery", "-d", min=1, autocompletion=delivery_ids),
        ] = None,
        after: Annotated[
            int, typer.Option(min=0, help="Only what is newer: the `last` of the export before.")
        ] = 0,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on with what happens, until ended.")
        ] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Send the ways of messages to an OpenTelemetry collector, as spans (OTLP by HTTP).

        Needs the extra `traces`. Without --message and --delivery: all that the log says.
        """
        loaded = loaded_from(config)
        one = message is not None or delivery is not None
        if one and (after or follow or (message is not None and delivery is not None)):
            raise NoCollector(
                "a message or a delivery is sent by itself, and whole",
                where=Where(key="--message"),
                remedy="Leave out --after and --follow, and give one of both.",
            )
        _export(loaded, otlp, (message, delivery), after, follow=follow, json=json)


def _export(
    loaded: Loaded,
    otlp: str | None,
    which: tuple[int | None, int | None],
    after: int,
    *,
    follow: bool,
    json: bool,
) -> None:
    from lab.spans.collector import Collector
    from lab.spans.export import Export
    from lab.spans.otlp import need_opentelemetry
    from lab.spans.steps import recorded_steps

    url = _url(loaded, otlp)
    need_opentelemetry()
    network = HostNetwork.allowing(loaded.configuration.lab.allow_networks)
    with (
        contextlib.closing(store_of(loaded)) as store,
        Collector(url, target_of(url).address, network) as collector,
    ):
        message, delivery = which
        lab = loaded.configuration.lab.name
        export = Export(store, lab, recorded_steps(traces_of(loaded)), collector.send)
        export.done.last = after
        try:
            if message is not None:
                store.read_now(log.message, message)  # an unknown one is refused
                export.message(message)
            elif delivery is not None:
                store.read_now(deliveries.get, delivery)
                export.delivery(delivery)
            else:
                for end in _ends(store, follow=follow):
                    export.log(export.done.last, end)
        except KeyboardInterrupt:
            if not follow:
                raise
        finally:
            done = export.done
            words = f"{done.messages} messages told in {done.spans} spans, up to {done.last}"
            refused = f"; {done.refused} spans were refused" if done.refused else ""
            if json:
                print_json({"url": collector.url, **asdict(done)})
            else:
                say(f"{words}{refused}")


def _url(loaded: Loaded, given: str | None) -> str:
    """Where spans go. Raises NoCollector."""
    url = given or loaded.configuration.traces.otlp
    if url is None:
        raise NoCollector(
            "it is not said where the spans are to go",
            where=Where(loaded.path.name, "traces.otlp"),
            remedy="Give --otlp http://127.0.0.1:4318, or set `otlp` under [traces].",
        )
    try:
        return otlp_url(url)
    except ValueError as error:
        raise NoCollector(
            f"{url!r} is no collector: {error}",
            where=Where(key="--otlp"),
            remedy="Give one such as http://127.0.0.1:4318.",
        ) from None


def _ends(store: Store, *, follow: bool) -> Iterator[int]:
    """How far the log can be read without a gap: once, or again and again."""
    end = tail.of_transitions()
    for _ in range(_SETTLE_LOOKS):
        if store.read_now(end.advance) or not end.is_waiting:
            break
        time.sleep(_SETTLE_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile
    yield end.settled
    while follow:
        time.sleep(FOLLOW_EVERY_S)  # noqa: TID251 - the command does nothing else meanwhile
        yield store.read_now(end.advance)
