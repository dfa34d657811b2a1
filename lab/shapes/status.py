"""What runs and what waits, as a JSON value."""

from dataclasses import asdict
from typing import Any

from lab.configuration import Loaded
from lab.doors import doors
from lab.shapes.delivery import rates
from monitor.status import Status
from store.modules import READERS


def expected(loaded: Loaded) -> list[str]:
    names = ["scheduler", *(f"mta@{name}" for name in loaded.configuration.mta)]
    names += [door.key for door in doors(loaded.configuration)]
    if loaded.configuration.webhook:
        names.append("webhooks")
    if loaded.configuration.reader:
        names.append(READERS)
    return [*names, "sinks"] if loaded.configuration.sink else names


def is_well(found: Status) -> bool:
    return all(each.state == "running" for each in found.modules) and not any(
        each.blocked for each in found.queues
    )


def as_json(found: Status) -> dict[str, Any]:
    return {
        "ok": is_well(found),
        "now": found.now,
        "modules": [asdict(each) for each in found.modules],
        "deliveries": [
            {
                "delivery": each.id,
                "label": each.label,
                "status": each.status,
                "affinity": each.affinity,
                "messages": each.messages,
                "counts": dict(each.counts),
                "processed_rate": rates(each)[0],
                "success_rate": rates(each)[1],
            }
            for each in found.deliveries
        ],
        "queues": [asdict(each) for each in found.queues],
    }
