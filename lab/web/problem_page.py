"""Problems as people read them: a page with words, a remedy and a way back."""

from typing import Final

from fastapi import Request, Response

from lab.web.lab_here import LabHere
from lab.web.problems import Problem
from lab.web.rendering import page

# Of programs, whatever they accept; and what pages fetch for a part of themselves.
_OF_PROGRAMS: Final = ("/api/", "/static/", "/metrics", "/livez", "/readyz", "/view/")


def shown(request: Request, found: Problem) -> Response:
    """The problem itself, or its page where a browser asked for a page."""
    if not _wants_page(request):
        return found
    lab = request.app.state.lab
    assert isinstance(lab, LabHere)
    values = {"here": "", "title": found.said["title"], **found.said}
    answer = page(request, lab, "problem.html", values, found.status_code)
    if "allow" in found.headers:
        answer.headers["Allow"] = found.headers["allow"]
    return answer


def _wants_page(request: Request) -> bool:
    if request.url.path.startswith(_OF_PROGRAMS) or "hx-request" in request.headers:
        return False
    return "text/html" in request.headers.get("accept", "")
