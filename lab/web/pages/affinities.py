"""Affinities: their source IPs, shares that are due and measured, and which one an address gets."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from affinity.mask import admits
from lab.findings import lint_of
from lab.web.affinity_lines import affinity_lines
from lab.web.lab_here import Here, LabHere
from lab.web.rendering import page
from lab.which_ip import Choice, choose
from mail.address import BadAddress

router = APIRouter()
_Text = Annotated[str, Query(max_length=320)]
_PLACES: Final = ("affinity.", "mta.", "mx_rule", "warmup", "route.")


@router.get("/affinities")
def affinities(
    request: Request, lab: Here, affinity: _Text = "", address: _Text = ""
) -> HTMLResponse:
    return page(
        request,
        lab,
        "affinities.html",
        {
            "here": "affinities",
            "title": "Affinities",
            "affinities": affinity_lines(lab),
            "chosen": affinity,
            "address": address,
            **_choice(lab, affinity, address.strip()),
            "findings": [
                each for each in lint_of(lab.loaded) if str(each.finding.key).startswith(_PLACES)
            ],
        },
    )


def _choice(lab: LabHere, affinity: str, address: str) -> dict[str, Any]:
    """What the rules say of an address, and why other IPs of the affinity are left out."""
    nothing: dict[str, Any] = {"choice": None, "left_out": [], "wrong": ""}
    configuration = lab.loaded.configuration
    if not address or affinity not in configuration.affinity:
        return nothing
    try:
        found = choose(configuration, affinity, address)
    except BadAddress as error:
        return nothing | {"wrong": error.what}
    return nothing | {"choice": found, "left_out": list(_left_out(lab, found))}


def _left_out(lab: LabHere, found: Choice) -> Any:
    for ip in lab.loaded.configuration.affinity[found.affinity].ip:
        if ip.exclude and not admits((), ip.exclude, found.domain):
            yield ip.address, f"its exclude names {found.domain}"
        elif not admits(ip.include, ip.exclude, found.domain):
            yield ip.address, f"its include does not name {found.domain}"
        elif not ip.weight:
            yield ip.address, "its weight is 0"
