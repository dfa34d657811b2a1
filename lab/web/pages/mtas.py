"""What runs: instances with their workers, the other modules, and the lanes."""

import math
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.shapes.status import expected
from lab.web.lab_here import Here
from lab.web.mta_lines import connections_by_lane, instance_lines
from lab.web.rendering import page
from monitor.lanes import LaneLine, lane_lines
from monitor.status import module_lines
from store.reports import reports

router = APIRouter()
LANES_SHOWN: Final = 200


@router.get("/mtas")
def mtas(request: Request, lab: Here) -> HTMLResponse:
    now = lab.now()
    modules = module_lines(lab.store, now, expected(lab.loaded))
    lanes = sorted(lane_lines(lab.store, lab.loaded.configuration, now), key=_rank)
    return page(
        request,
        lab,
        "mtas.html",
        {
            "here": "mtas",
            "title": "MTAs",
            "instances": instance_lines(lab),
            "modules": [each for each in modules if not each.name.startswith("mta@")],
            "lanes": lanes[:LANES_SHOWN],
            "used": connections_by_lane(lab.read(reports)),
            "more_lanes": max(0, len(lanes) - LANES_SHOWN),
            "groups": list(dict.fromkeys(each.mx_group for each in lanes)),
            "has_end": math.isfinite,
        },
    )


def _rank(line: LaneLine) -> tuple[bool, int]:
    """Those that are suspended, then those with most in hand; otherwise as they are configured."""
    return line.suspended_until is None, -line.in_hand
