"""What each cause of pending mail means, and what mends it: the catalogue, for links to it."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.web.fixes import REMEDIES
from lab.web.lab_here import Here
from lab.web.rendering import page
from mail.cause import Cause

router = APIRouter()


@router.get("/causes")
def catalogue(request: Request, lab: Here) -> HTMLResponse:
    values = {
        "here": "queue",
        "title": "Why mail is pending",
        "causes": [(str(each), REMEDIES[each]) for each in Cause],
    }
    return page(request, lab, "causes.html", values)
