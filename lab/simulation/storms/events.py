"""What happens in a storm, drawn: acts of operators and faults."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lab.simulation.storms.drawing import Draw, seconds
from lab.simulation.storms.labs import DOMAINS, IPS, SINKS, personality_of
from lab.simulation.storms.storm import Event, Mail

_PROCESSES: Final = ("worker", "worker", "worker", "all of m1", "scheduler", "mta@m1", "sink")
_POINTS: Final = (
    *("worker.leased", "worker.before_body", "worker.reply_heard", "worker.journalled"),
    *("worker.committing", "worker.committed", "worker.renewing", "scheduler.leasing"),
    *("scheduler.leased", "scheduler.replanning", "scheduler.cutting", "sink.before_receipt"),
    *("sink.after_receipt", "instance.beating", "instance.burying"),
)
_ACTS: Final = ("steer", "suspend", "stop", "become", "edit", "edit")
_ONCE: Final = ("kill", "kill_at_step", "kill_at_point", "reset")
_FAULTS: Final = (
    *("kill", "kill", "kill_at_step", "kill_at_step", "kill_at_point", "kill_at_point"),
    *("stall", "stall", "partition", "reset", "silence", "refusing", "latency", "loss"),
    *("missing_ip", "disk_full", "slow_store", "clock_skew"),
)


def _at(draw: Draw, mail: Sequence[Mail]) -> float:
    """Mostly while mail is on its way, which is soon over."""
    first = draw.one_of(mail)
    at = first.at + first.contact_in_s
    return at + (draw.whole(0, 40) / 100 if draw.is_so(0.6) else seconds(draw, 0, 5))


def act_of(draw: Draw, lab: Mapping[str, Any], mail: Sequence[Mail]) -> Event:
    """Something that an operator does."""
    at, for_s = _at(draw, mail), seconds(draw, 1, 5)
    match draw.one_of(_ACTS):
        case "steer":
            do = draw.one_of(("pause", "cancel", "retry"))
            given = {"mail": draw.whole(0, len(mail) - 1)}
            return Event(at, do, given, for_s if do == "pause" else 0.0)
        case "suspend":
            lane = {"ip": draw.one_of(IPS[:3]), "group": draw.one_of(("one", "two"))}
            return Event(at, "suspend", lane, for_s)
        case "stop":
            return Event(at, "stop", {"mta": draw.one_of([*lab["mta"]])}, for_s)
        case "become":
            mood = {"sink": draw.one_of([*SINKS]), "personality": personality_of(draw)}
            return Event(at, "become", mood)
        case _:
            return Event(at, "edit", _edit(draw, lab), for_s if draw.is_so(0.5) else 0.0)


def _edit(draw: Draw, lab: Mapping[str, Any]) -> dict[str, Any]:
    affinity = draw.one_of([*lab["affinity"]])
    address = draw.one_of(IPS[:3])
    found: dict[str, Any] = draw.one_of(
        (
            {"remove_ip": address, "affinity": affinity},
            {"add_ip": draw.one_of(IPS), "affinity": affinity},
            {"weigh": address, "weight": draw.whole(0, 2), "affinity": affinity},
            {"exclude": draw.one_of(DOMAINS[:2]), "ip": IPS[0], "affinity": affinity},
            {"remove_affinity": affinity},
            {"workers": draw.whole(1, 3), "mta": draw.one_of([*lab["mta"]])},
            {"limit": "max_connections", "value": draw.whole(1, 3)},
            {"limit": "messages_per_hour", "value": draw.one_of((1800, 3600))},
        )
    )
    return found


def fault_of(draw: Draw, mail: Sequence[Mail]) -> Event:
    """Something that goes wrong."""
    at, for_s = _at(draw, mail), seconds(draw, 0.2, 6)
    kind = draw.one_of(_FAULTS)
    return Event(at, kind, _fields(draw, kind), 0.0 if kind in _ONCE else for_s)


def lost_host_of(draw: Draw, mail: Sequence[Mail], instance: str) -> Event:
    """An instance's whole host stands still or is cut off, perhaps for longer than a lease.

    Nobody there can be killed from here: only leases keep such workers from sending on.
    """
    kind = draw.one_of(("stall", "partition"))
    given = {"process": f"all of {instance}"}
    return Event(_at(draw, mail), kind, given, seconds(draw, 1, 8))


def _fields(draw: Draw, kind: str) -> dict[str, Any]:
    match kind:
        case "kill_at_point":
            return {"point": draw.one_of(_POINTS), "nth": draw.whole(1, 6)}
        case "missing_ip":
            return {"ip": draw.one_of(IPS[:3])}
        case "disk_full":
            return {"disk": draw.one_of(("journal", "receipts", "store"))}
        case "slow_store":
            return {"up_to_s": draw.whole(1, 20) / 100}
        case "kill" | "kill_at_step" | "stall" | "partition" | "clock_skew":
            return _of_process(draw, kind)
        case _:
            return _of_place(draw, kind)


def _of_process(draw: Draw, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"process": draw.one_of(_PROCESSES)}
    if kind in ("kill", "kill_at_step", "stall"):
        found["which"] = draw.whole(0, 3)
    if kind == "kill_at_step":
        found["steps"] = draw.whole(1, 60)
    if kind == "clock_skew":
        found["by_s"] = draw.whole(-30, 30) / 10
    return found


def _of_place(draw: Draw, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"place": draw.one_of((*SINKS.values(), "*"))}
    if kind == "latency":
        found["extra_s"] = draw.whole(1, 10) / 10
    if kind == "loss":
        found["chance"] = draw.whole(1, 10) / 100
    return found
