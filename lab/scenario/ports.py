"""The ports of a scenario's lab: any where it does not matter, and free ones on real machines."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lab.doors import KEYS
from lab.free_ports import free_ports
from lab.submission_settings import OFF
from mail.notation import split_endpoint

ANY: Final = ":0"
_FIRST: Final = 20_000  # below those that systems give to clients


def numbered(topology: Mapping[str, Any]) -> dict[str, Any]:
    """The topology with a port of its own for each that listens on port 0."""
    found = copy.deepcopy(dict(topology))
    taken = {table["listen"] for table in _listening(found)}
    for table in _listening(found):
        if table["listen"].endswith(ANY):
            host = table["listen"].removesuffix(ANY)
            places = (f"{host}:{port}" for port in itertools.count(_FIRST))
            table["listen"] = next(place for place in places if place not in taken)
            taken.add(table["listen"])
    return found


def ports_for(topology: Mapping[str, Any]) -> dict[str, str]:
    """Each address that something of it listens on → the same with a port that is free here.

    Raises:
        OSError: this machine has no such address.
    """
    listening = [table["listen"] for table in _listening(topology) if table["listen"] != OFF]
    hosts = [split_endpoint(each)[0] for each in listening]
    return {
        each: each.rpartition(":")[0] + f":{port}"
        for each, port in zip(listening, free_ports(hosts), strict=True)
    }


def with_ports(topology: Mapping[str, Any], ports: Mapping[str, str]) -> dict[str, Any]:
    """The topology with those ports."""
    found = copy.deepcopy(dict(topology))
    for table in _listening(found):
        table["listen"] = ports.get(table["listen"], table["listen"])
    for route in found.get("route", {}).values():
        for place in (route, *route.get("hosts", ())):
            if place.get("host") in ports:
                place["host"] = ports[place["host"]]
    return found


def _listening(topology: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables that say where something listens; what is no table is told elsewhere."""
    sinks = topology.get("sink")
    own = [topology.get(key) for key in KEYS]
    tables = [*(sinks.values() if isinstance(sinks, dict) else ()), *own]
    for table in tables:
        if isinstance(table, dict) and isinstance(table.get("listen"), str):
            yield table
