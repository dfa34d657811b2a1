"""Lanes as an operator sees them: their limits, who works on them, and which are suspended."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from affinity.affinity import source_ips_for
from affinity.configuration import Affinity, Configuration
from affinity.lane import LaneKey, Limits, lane_of, limits_of_group
from affinity.mask import is_pattern
from affinity.route import Routes
from mail.notation import said_duration
from store import lanes, modules, queues
from store.engine import Store
from store.lanes import Suspension


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One lane; ``suspended_until`` in epoch seconds, infinite without an end."""

    lane: str
    source_ip: str | None  # None: the lane is that of all source IPs together
    mx_group: str
    affinities: tuple[str, ...]
    max_connections: int | None
    messages_per_hour: int | None
    in_hand: int = 0  # messages
    workers: tuple[str, ...] = ()
    suspended_until: float | None = None
    because: str = ""
    is_configured: bool = True
    limited_by: Mapping[str, str] = field(default_factory=dict)  # limit → mask of its MX rule


def configured_lanes(configuration: Configuration) -> list[LaneLine]:
    """The lanes on which mail can leave by the routes and affinities there are, in file order."""
    routes = Routes(configuration.route)
    found: dict[str, LaneLine] = {}
    for group in configuration.route:
        limits = limits_of_group(configuration, routes, group)
        for name, affinity in configuration.affinity.items():
            for address in _may_send_to(affinity, configuration.route[group].domains):
                key = lane_of(address, group, limits)
                line = found.setdefault(str(key), _line(key, limits))
                if name not in line.affinities:
                    found[line.lane] = replace(line, affinities=(*line.affinities, name))
    return list(found.values())


def _may_send_to(affinity: Affinity, domains: Collection[str]) -> Iterator[str]:
    for ip in affinity.ip:
        if ip.weight > 0 and any(
            is_pattern(domain) or ip in source_ips_for(affinity, domain) for domain in domains
        ):
            yield ip.address


def _line(key: LaneKey, limits: Limits) -> LaneLine:
    return LaneLine(
        str(key),
        key.source_ip,
        key.mx_group,
        (),
        limits.max_connections,
        limits.messages_per_hour,
        limited_by=limits.because,
    )


def lane_lines(store: Store, configuration: Configuration, now: float) -> list[LaneLine]:
    """All lanes that are configured, then those that are not but are suspended or in hand."""
    names = {each.id: each.instance for each in store.read_now(modules.live_workers)}
    held: dict[str, list[queues.InHand]] = {
        lane: list(each)
        for lane, each in groupby(
            sorted(store.read_now(queues.in_hand), key=lambda each: each.lane),
            key=lambda each: each.lane,
        )
    }
    shut = store.read_now(lanes.suspensions, now)
    lines = {each.lane: each for each in configured_lanes(configuration)}
    for key in sorted((held.keys() | shut.keys()) - lines.keys()):
        lines[key] = replace(_line(LaneKey.parse(key), Limits()), is_configured=False)
    return [
        replace(
            line,
            in_hand=sum(each.messages for each in held.get(key, ())),
            workers=tuple(
                dict.fromkeys(
                    f"mta@{names.get(each.worker_id, '?')}-{each.worker_id}"
                    for each in held.get(key, ())
                )
            ),
            suspended_until=shut[key].until if key in shut else None,
            because=shut[key].because if key in shut else "",
        )
        for key, line in lines.items()
    ]


def all_suspended(
    keys: Collection[str], shut: Mapping[str, Suspension], now: float
) -> tuple[str, bool] | None:
    """Why nothing moves on these lanes, if each is suspended; and whether that has no end."""
    if not keys or any(key not in shut for key in keys):
        return None
    first = min((shut[key] for key in keys), key=lambda each: (each.until, each.lane))
    length = f"for {said_duration(first.until - now)} more" if first.has_end else "until resumed"
    why = f": {first.because}" if first.because else ""
    if len(keys) == 1:
        return f"lane {first.lane} is suspended {length}{why}", not first.has_end
    return f"all its lanes are suspended, {first.lane} {length}{why}", not first.has_end
