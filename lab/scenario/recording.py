"""A lab's present state as a scenario, so that a stuck case on a desk becomes a file.

What it holds: the configuration without what is secret or leads outside, the deliveries that are
not over, with as many pending messages to the same domains (no address, no content), what operators
stopped, paused and suspended, which modules are silent, and how receivers defer. What it expects is
what `mtalab why` says now.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import tomli_w

from lab.configuration import Loaded
from lab.scenario.read import INBOX
from mail.cause import Cause
from mail.states import DeliveryStatus
from monitor.status import LOST_AFTER_S
from monitor.why.diagnosis import Diagnosis, causes
from store import deliveries, halts, lanes, modules, pending_one, pending_plans
from store.engine import Store

SUBMITTED_AT: Final = "10s"  # the lab is up, and has obeyed, by then
STEERED_AT: Final = "2s"
LOOKED_AT_S: Final = 60
_DROPPED: Final = (
    *("dkim", "submission", "inmail", "tracking", "web", "webhook", "lab", "reader", "readers"),
)
_UNFINISHED: Final = (*deliveries.ACTIVE, DeliveryStatus.PAUSED, DeliveryStatus.READY)
_PAGE: Final = 1000
_REPLY: Final = re.compile(r"[45]\d\d ")
_ADDRESS: Final = re.compile(r"[^\s<>@]+@[^\s<>@]+")


@dataclass(frozen=True, slots=True)
class Recording:
    """The scenario as TOML has it, and what could not be brought into it."""

    scenario: dict[str, Any]
    left_out: tuple[str, ...]


def recorded(store: Store, loaded: Loaded, diagnosis: Diagnosis, now: float) -> Recording:
    """What is there now."""
    left_out: list[str] = []
    topology = _topology(tomllib.loads(loaded.text), left_out)
    found = list(_unfinished(store))
    scenario: dict[str, Any] = {
        "story": _story(diagnosis),
        "lasts": "1h",
        "tick": "1s",
        "topology": topology,
    }
    _receivers(store, found, topology, left_out)
    events = [*_silent(store, now), *_stopped(store), *_suspended(store, now)]
    scenario["event"] = [{"at": STEERED_AT, **each} for each in events]
    scenario["delivery"] = [_delivery(store, each, now) for each in found]
    for each in found:
        if each.status is DeliveryStatus.PAUSED:
            pause = {"at": SUBMITTED_AT, "do": "pause", "delivery": _name(each)}
            scenario["event"].append(pause)
    scenario["delivery"] = [each for each in scenario["delivery"] if each is not None]
    scenario["expect"] = [{"at": f"{LOOKED_AT_S}s", "causes": causes(diagnosis)}]
    return Recording({key: each for key, each in scenario.items() if each}, tuple(left_out))


def as_toml(scenario: Mapping[str, Any]) -> str:
    """A scenario as a file that is easy to go on with: each event and expectation a table."""
    lists = ("delivery", "event", "expect")
    plain = {key: each for key, each in scenario.items() if key not in lists}
    tables = [tomli_w.dumps(plain, multiline_strings=True)]
    for key in lists:
        for each in scenario.get(key, ()):
            lines = (f"{name} = {_inline(value)}" for name, value in each.items())
            tables.append("\n".join((f"[[{key}]]", *lines, "")))
    return "\n".join(tables)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (tomli_w.dumps({key: each}).strip() for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    return tomli_w.dumps({"x": value}).strip().removeprefix("x = ")


def _story(diagnosis: Diagnosis) -> str:
    """Each cause once, with the words of its largest group."""
    words: dict[str, str] = {}
    for each in sorted(diagnosis.findings, key=lambda each: -each.messages):
        words.setdefault(each.code, each.words)
    counts = causes(diagnosis)
    told = "\n".join(f"{counts[code]}, {code}: {each}." for code, each in words.items())
    return f"Recorded from a lab with {diagnosis.messages} pending messages.\n{told}\n"


# --- the configuration -----------------------------------------------------------------------


def _topology(given: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    """Without secrets, files and places outside; each host of a route becomes a sink."""
    topology = {key: each for key, each in given.items() if key not in _DROPPED}
    dropped = [key for key in _DROPPED if key in given]
    if dropped:
        left_out.append(f"[{'], ['.join(dropped)}] of the configuration")
    for name, route in topology.get("route", {}).items():
        secrets = [each for each in ("auth", "tls_ca") if route.pop(each, None) is not None]
        left_out += [f"{each} of route {name}" for each in secrets]
        for place in (route, *route.get("hosts", ())):
            if "host" in place:
                place["sink"] = _sink_for(topology, place.pop("host"), left_out)
    for sink in topology.get("sink", {}).values():
        sink["inbox"] = True
    return topology


def _sink_for(topology: dict[str, Any], host: str, left_out: list[str]) -> str:
    name = "host_" + "".join(each if each.isalnum() else "_" for each in host)
    sinks = topology.setdefault("sink", {})
    if name not in sinks:
        taken = {each["listen"] for each in sinks.values()}
        ports = (f"127.0.0.1:{port}" for port in range(2600, 65000))
        sinks[name] = {**INBOX, "listen": next(each for each in ports if each not in taken)}
        left_out.append(f"what {host} is like: a sink that accepts everything stands for it")
    return name


# --- deliveries ------------------------------------------------------------------------------


def _unfinished(store: Store) -> Iterator[deliveries.Delivery]:
    for each in reversed(store.read_now(deliveries.find, limit=_PAGE)):
        if each.status in _UNFINISHED and each.counts.get("pending", 0):
            yield each


def _name(delivery: deliveries.Delivery) -> str:
    return f"delivery {delivery.id}"


def _delivery(store: Store, delivery: deliveries.Delivery, now: float) -> dict[str, Any] | None:
    domains = store.read_now(pending_plans.by_domain, delivery.id)
    if not domains:
        return None
    found: dict[str, Any] = {
        "name": _name(delivery),
        "at": SUBMITTED_AT,
        "affinity": delivery.affinity,
        "messages": sum(each.messages for each in domains),
        "domains": {each.domain: each.messages for each in domains},
        "validity": max(60.0, round(delivery.expires_at - max(now, delivery.contact_at))),
    }
    if delivery.priority:
        found["priority"] = delivery.priority
    if delivery.contact_at > now:
        found["contact"] = round(delivery.contact_at - now)
    if delivery.status is DeliveryStatus.READY:
        found["hold"] = True
    return found


def _receivers(
    store: Store,
    found: Iterable[deliveries.Delivery],
    topology: dict[str, Any],
    left_out: list[str],
) -> None:
    """Where all that was tried is deferred, the sink of the route defers with the same words."""
    for delivery in found:
        for domain in store.read_now(pending_plans.by_domain, delivery.id):
            if not domain.tried:
                continue
            reply = _last_reply(store, delivery.id, domain.mx_group)
            route = topology.get("route", {}).get(domain.mx_group)
            if reply is None or route is None or "sink" not in route:
                left_out.append(f"why mail to {domain.domain} was deferred")
                continue
            name = f"recorded_{domain.mx_group}"
            refusal = {"stage": "rcpt", "share": 1.0, "reply": reply}
            topology.setdefault("personality", {})[name] = {"refuse": [refusal]}
            topology["sink"][route["sink"]]["personality"] = name


def _last_reply(store: Store, delivery_id: int, mx_group: str) -> str | None:
    """What the receiver said last, without the addresses in it; None: it was not a reply."""
    for cause in (None, *Cause):
        last = store.read_now(pending_one.last_word, delivery_id, mx_group, cause)
        if last is not None and _REPLY.match(last.reply):
            return _ADDRESS.sub(
                "somebody@example.test", last.reply.replace("{", "").replace("}", "")
            )
    return None


# --- what was stopped, and what is silent -----------------------------------------------------


def _silent(store: Store, now: float) -> Iterator[Mapping[str, Any]]:
    """A scheduler that is not heard hangs; an instance too."""
    heard = {
        each.name: each.heartbeat_at
        for each in store.read_now(modules.modules)
        if each.stopped_at is None
    }
    if now - heard.get(modules.SCHEDULER, 0.0) > LOST_AFTER_S:
        yield {"do": "stall", "what": "scheduler"}
    halted = store.read_now(halts.halts)
    for instance in store.read_now(modules.instances):
        is_gone = instance.stopped_at is not None or now - instance.heartbeat_at > LOST_AFTER_S
        if is_gone and instance.name not in halted:
            yield {"do": "stop_instance", "instance": instance.name}


def _stopped(store: Store) -> Iterator[Mapping[str, Any]]:
    for name in store.read_now(halts.halts):
        yield {"do": "stop_instance", "instance": name}


def _suspended(store: Store, now: float) -> Iterator[Mapping[str, Any]]:
    for each in store.read_now(lanes.suspensions, now).values():
        found = {"do": "suspend_lane", "lane": each.lane, "because": each.because}
        if math.isfinite(each.until):
            yield {**found, "lasts": round(each.until - now)}
        else:
            yield found
