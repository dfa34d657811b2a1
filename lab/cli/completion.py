"""What the shell offers when Tab is pressed: names of the configuration, numbers of the store.

Whatever is wrong, nothing is offered and nothing is said: the command itself will tell. The store
is only looked into: it is neither made nor migrated by a key.
"""

import contextlib
from pathlib import Path

import typer

from lab.cli.options import loaded_from
from lab.configuration import Loaded
from mail.errors import MtalabError
from store.schema import open_current

DELIVERIES_MAX = 50  # the newest; more would only scroll

Offers = list[tuple[str, str]]  # word, what it means


def _loaded(context: typer.Context) -> Loaded | None:
    named = context.params.get("config")
    with contextlib.suppress(MtalabError):
        return loaded_from(None if named is None else Path(named))
    return None


def _starting(offers: Offers, incomplete: str) -> Offers:
    return [each for each in offers if each[0].startswith(incomplete)]


def delivery_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """The newest deliveries, with status and label."""
    from store import deliveries

    loaded = _loaded(ctx)
    if loaded is None:
        return []
    found: list[deliveries.Delivery] = []
    with (
        contextlib.suppress(MtalabError),
        contextlib.closing(open_current(loaded.store_url)) as store,
    ):
        found = store.read_now(deliveries.find, limit=DELIVERIES_MAX)
    return _starting([(str(each.id), f"{each.status} {each.label}") for each in found], incomplete)


def instance_names(ctx: typer.Context, incomplete: str) -> Offers:
    """The instances of the configuration."""
    loaded = _loaded(ctx)
    known = {} if loaded is None else loaded.configuration.mta
    offers = [(name, f"affinities {', '.join(each.affinities)}") for name, each in known.items()]
    return _starting(offers, incomplete)


def sink_names(ctx: typer.Context, incomplete: str) -> Offers:
    """The sinks of the configuration."""
    loaded = _loaded(ctx)
    known = {} if loaded is None else loaded.configuration.sink
    return _starting([(name, each.listen) for name, each in known.items()], incomplete)


def personality_names(ctx: typer.Context, incomplete: str) -> Offers:
    """The built-in personalities and those of the configuration."""
    from sinks.catalogue import built_in_personalities

    loaded = _loaded(ctx)
    own = {} if loaded is None else loaded.configuration.personality
    known = {**built_in_personalities(), **own}
    return _starting([(name, each.description) for name, each in known.items()], incomplete)


def affinity_names(ctx: typer.Context, incomplete: str) -> Offers:
    """The affinities of the configuration."""
    loaded = _loaded(ctx)
    known = {} if loaded is None else loaded.configuration.affinity
    return _starting(
        [(name, f"{len(each.ip)} source IPs") for name, each in known.items()], incomplete
    )


def lane_names(ctx: typer.Context, incomplete: str) -> Offers:
    """MX groups, and lanes in the form that no shell takes apart: ``127.0.1.1/gmail``."""
    from monitor.lanes import configured_lanes

    loaded = _loaded(ctx)
    if loaded is None:
        return []
    lanes = configured_lanes(loaded.configuration)
    groups = [(name, "all its lanes") for name in dict.fromkeys(each.mx_group for each in lanes)]
    each_lane = [
        (f"{each.source_ip}/{each.mx_group}", ", ".join(each.affinities))
        for each in lanes
        if each.source_ip is not None
    ]
    return _starting([*groups, *each_lane], incomplete)
