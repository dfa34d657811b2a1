"""What waits, by age, as a JSON value."""

from typing import Any

from monitor.queue import EDGES_MIN, By, Queue


def as_json(found: Queue, by: By | None) -> dict[str, Any]:
    names = [each.replace(" ", "_").replace("-", "_") for each in found.columns]
    return {
        "at": found.at,
        "past": found.is_past,
        "by": None if by is None else str(by),
        "edges_minutes": list(EDGES_MIN),
        "rows": [
            {**dict(zip(names, row.values, strict=True)), "total": row.total, "ages": row.spans}
            for row in found.rows
        ],
        "total": sum(found.totals),
        "ages": found.totals,
    }
