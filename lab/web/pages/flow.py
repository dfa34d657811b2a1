"""The pipeline as a picture: what moves, what stands, and why."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.web.flow_drawing import WIDTH, drawing_of
from lab.web.flow_here import flow_here
from lab.web.lab_here import Here
from lab.web.rendering import page
from monitor.flow.graph import Flow, State

router = APIRouter()


@router.get("/flow")
def picture(request: Request, lab: Here) -> HTMLResponse:
    flow = flow_here(lab)
    names = {each.key: each.label for each in flow.nodes}
    return page(
        request,
        lab,
        "flow.html",
        {
            "here": "flow",
            "title": "Flow",
            "flow": flow,
            "drawing": drawing_of(flow),
            "width": WIDTH,
            "names": names,
            "rate": sum(each.rate for each in flow.of("delivery")),
            "pending": sum(each.messages for each in flow.of("delivery")),
            "blocked": _standing(flow, State.BLOCKED),
            "waiting": _standing(flow, State.WAITING),
        },
    )


def _standing(flow: Flow, state: State) -> int:
    return sum(each.messages for each in flow.nodes if ":stop:" in each.key and each.state is state)
