"""Labs and their mail, drawn: instances, affinities, rules, routes, sinks with their moods."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.simulation.storms.drawing import Draw, seconds
from lab.simulation.storms.storm import Mail

DOMAINS: Final = ("one.test", "two.test", "sub.two.test", "nowhere.test")
IPS: Final = ("127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4")
SINKS: Final = {"s1": "127.0.2.1:2525", "s2": "127.0.2.2:2525", "s3": "127.0.2.3:2525"}


def lab_of(draw: Draw) -> dict[str, Any]:
    """A configuration."""
    lease = draw.whole(2, 4)
    affinities = {"a": _affinity(draw), **({"b": _affinity(draw)} if draw.is_so(0.3) else {})}
    names = list(affinities)
    instances = {"m1": _instance(draw, names)}
    if draw.is_so(0.25):
        instances["m2"] = _instance(draw, names[-1:])
    personalities: dict[str, Any] = {}
    lab = {
        "scheduler": {
            "lease": lease,
            "hold": draw.whole(3, 6),
            "part_max": 8,
            "lane_window": draw.one_of((2000, 2, 6)),
        },
        "retry": {"delays": [draw.whole(1, 3), draw.whole(2, 5)], "jitter": 0.1},
        "mta": instances,
        "affinity": affinities,
        "route": {
            "one": {"domains": ["one.test"], "sink": "s1"},
            "two": _second_route(draw),
        },
        "mx_rule": [
            {"mask": "*", "connect_timeout": 2, "greeting_timeout": 3, "data_timeout": 3},
            *(_rule(draw) for _ in range(draw.whole(0, 2))),
        ],
        "sink": {
            name: {"listen": listen, "inbox": False, "personality": _named(draw, personalities)}
            for name, listen in SINKS.items()
        },
        "personality": personalities,
    }
    return {name: value for name, value in lab.items() if value}


def _instance(draw: Draw, affinities: Sequence[str]) -> dict[str, Any]:
    return {
        "affinities": list(affinities),
        "workers": draw.whole(1, 2),
        "heartbeat": draw.one_of((0.6, 0.5)),
        "connections": draw.one_of((2, 1, 4)),
    }


def _affinity(draw: Draw) -> dict[str, Any]:
    count = draw.whole(1, 3)
    return {"ip": [_source_ip(draw, address) for address in IPS[:count]]}


def _source_ip(draw: Draw, address: str) -> dict[str, Any]:
    found: dict[str, Any] = {"address": address, "weight": draw.one_of((1, 1, 2, 3, 0))}
    if draw.is_so(0.2):
        found[draw.one_of(("exclude", "include"))] = [draw.one_of(DOMAINS[:3])]
    return found


def _second_route(draw: Draw) -> dict[str, Any]:
    domains = ["two.test", "*.two.test"]
    if draw.is_so(0.5):
        return {"domains": domains, "sink": "s2"}
    hosts = [{"sink": "s2"}, {"sink": "s3", "preference": draw.one_of((10, 20))}]
    return {"domains": domains, "hosts": hosts}


def _rule(draw: Draw) -> dict[str, Any]:
    rule: dict[str, Any] = {"mask": draw.one_of(("mx.one.test", "mx.two.test", "*.test"))}
    if draw.is_so(0.6):
        rule["max_connections"] = draw.whole(1, 3)
    if draw.is_so(0.2):
        rule["max_messages_per_connection"] = draw.whole(1, 4)
    if draw.is_so(0.4):
        rule["messages_per_hour"] = draw.one_of((3600, 1200, 7200, 130))
        rule |= draw.one_of(({"burst": 2}, {"burst": 5}, {"pacing": "slots"}, {}))
    if draw.is_so(0.3):
        rule["shared"] = True
    return rule


def _named(draw: Draw, personalities: dict[str, Any]) -> str:
    """A personality for a sink; one of its own is added to the others."""
    if draw.is_so(0.35):
        return "accept"
    name = f"p{len(personalities) + 1}"
    personalities[name] = personality_of(draw)
    return name


_MOODS: Final[Sequence[Mapping[str, Any]]] = (
    {"defer": {"times": 1, "share": 0.5}},
    {"defer": {"times": 2}},
    {"greylist": {"delay": 2}},
    {"refuse": [{"stage": "rcpt", "share": 0.3, "reply": "550 5.1.1 no such user"}]},
    {"refuse": [{"stage": "mail", "share": 0.5, "reply": "421 4.7.0 come back later"}]},
    {"refuse": [{"stage": "body", "share": 0.3, "reply": "451 4.3.0 not now"}]},
    {"refuse": [{"stage": "connect", "share": 0.5, "reply": "421 4.3.2 not now"}]},
    {"drop": [{"stage": "body", "share": 0.2, "kept": True}]},
    {"drop": [{"stage": "body", "share": 0.3, "how": "reset"}]},
    {"drop": [{"stage": "data", "share": 0.2}]},
    {"rate": {"messages": 3, "per": 2}},
    {"connections": {"max": 1}},
    {"connections": {"messages": 2}},
    {"latency": {"data": 0.4}},
    {"latency": {"greeting": 0.5, "mail": 0.1, "rcpt": 0.1}},
    {"stall": [{"stage": "body", "share": 0.1}]},
    {"stall": [{"stage": "connect", "share": 0.3, "time": 2}]},
    {"extensions": ["SIZE", "8BITMIME"]},
    {"extensions": ["PIPELINING", "SIZE", "ENHANCEDSTATUSCODES"]},
)


def personality_of(draw: Draw) -> dict[str, Any]:
    """One mood or two."""
    found: dict[str, Any] = {"seed": draw.whole(0, 99)}
    if draw.is_so(0.4):
        found["latency"] = {"data": draw.whole(1, 8) / 10}
    for _ in range(draw.whole(1, 2)):
        found |= draw.one_of(_MOODS)
    return found


def mail_of(draw: Draw, lab: Mapping[str, Any]) -> Mail:
    """A delivery for it."""
    to = {draw.one_of(DOMAINS[:2]): draw.one_of((3, 1, 8, 16, 24))}
    if draw.is_so(0.4):
        to[draw.one_of(DOMAINS)] = draw.whole(1, 5)
    affinities = [*lab["affinity"], *lab["affinity"], "unknown"]
    return Mail(
        at=seconds(draw, 0.5, 5),
        to=to,
        affinity=draw.one_of(affinities) if draw.is_so(0.4) else "a",
        priority=draw.one_of((0, 1)) if draw.is_so(0.2) else 0,
        part_size=draw.one_of((4, 1, 2, 8)),
        contact_in_s=seconds(draw, 0, 3) if draw.is_so(0.2) else 0.0,
        validity_s=seconds(draw, 3, 14),
    )
