"""One delivery: its summary, and the head that all its pages show."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.instance_lines import lines
from lab.reports.asking import Asked, made
from lab.web.asked import DeliveryNumber
from lab.web.delivery_head import head_of
from lab.web.lab_here import Here, LabHere
from lab.web.rendering import ENVIRONMENT, page
from lab.web.sparkline import Sparkline, sparkline
from mail.states import MessageStatus
from monitor.reports.tally import Tally, tally
from store import report_messages, tracked_urls, waves
from store.report_scope import Scope

router = APIRouter()
_REASONS: Final = 8  # of failures, the most frequent


@router.get("/deliveries/{number}")
def summary(request: Request, lab: Here, number: DeliveryNumber) -> HTMLResponse:
    head = head_of(lab, number, "summary")
    delivery = head["delivery"]
    of = tally(lab.read(report_messages.by_status, Scope(number)))
    values = {
        **head,
        "of": of,
        "excluded": of.status[MessageStatus.IGNORED],
        "cancelled": of.status[MessageStatus.CANCELLED],
        "quarantined": lab.read(report_messages.quarantined, Scope(number)).get(number, 0),
        "reasons": _reasons(of),
        "waves": lab.read(waves.of, number),
        "tracked": lab.read(tracked_urls.of, number),
        "source_ips": _source_ips(lab, delivery.affinity),
        "instances": [
            each
            for each in lines(lab.store, lab.loaded, lab.now())
            if delivery.affinity in each.affinities
        ],
        "throughput": _throughput(lab, number),
    }
    return page(request, lab, "delivery_summary.html", values)


@router.get("/deliveries/{number}/head")
def head_alone(lab: Here, number: DeliveryNumber) -> HTMLResponse:
    """What is live of the head of all its pages."""
    template = ENVIRONMENT.get_template("delivery_head.html")
    return HTMLResponse(template.render(head_of(lab, number)))


def _reasons(of: Tally) -> list[tuple[str, int, float]]:
    """Why messages failed: the reason, how many, and their share of the failures."""
    most = [each for each in of.failed.most_common(_REASONS) if each[1]]
    return [(reason.label, count, count / max(of.errors, 1)) for reason, count in most]


def _source_ips(lab: LabHere, affinity: str) -> list[dict[str, Any]]:
    """Those of an affinity as the file has them, with their shares by weight."""
    found = lab.loaded.configuration.affinity.get(affinity)
    if found is None:
        return []
    whole = sum(each.weight for each in found.ip) or 1.0
    return [
        {"address": str(each.address), "weight": each.weight, "share": each.weight / whole}
        for each in found.ip
    ]


def _throughput(lab: LabHere, number: int) -> Sparkline | None:
    """Messages sent per hour over the time that something went out."""
    asked = Asked(delivery=number)
    command = f"mtalab report throughput -d {number}"
    shown = made(lab.store, lab.loaded, lab.now(), "throughput", asked, command)
    steps = shown.report.sheets[0]
    return sparkline(steps.values("at"), steps.values("sent_per_hour"))
