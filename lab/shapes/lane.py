"""Lanes and their suspensions as JSON values."""

import math
from typing import Any

from monitor.lanes import LaneLine
from store import lanes


def suspension(found: lanes.Suspension) -> dict[str, Any]:
    until = found.until if found.has_end else None
    return {"lane": found.lane, "suspended_until": until, "because": found.because}


def as_json(line: LaneLine) -> dict[str, Any]:
    until = line.suspended_until
    return {
        "lane": line.lane,
        "source_ip": line.source_ip,
        "mx_group": line.mx_group,
        "affinities": line.affinities,
        "max_connections": line.max_connections,
        "messages_per_hour": line.messages_per_hour,
        "in_hand": line.in_hand,
        "workers": line.workers,
        "suspended": until is not None,
        "suspended_until": until if until is not None and math.isfinite(until) else None,
        "because": line.because,
        "configured": line.is_configured,
    }
