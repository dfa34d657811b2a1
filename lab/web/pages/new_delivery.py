"""A form that submits a delivery, and tells before what is to be said of it."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from lab.acting.once import KeyOfAnother
from lab.acting.submitting import examine
from lab.web.api.submitting import in_words_of_requests, submitted
from lab.web.changing import Changeable
from lab.web.forms import File, Form, form_of
from lab.web.lab_here import Here, LabHere
from lab.web.problems import WebRefusal
from lab.web.rendering import page
from lab.web.submission import of_form
from mail.errors import UserError

router = APIRouter()
KEPT_BYTES: Final = 60_000  # of a file: a browser does not choose it again by itself
_NOT_TERMS: Final = ("do", "key", "page")


@router.get("/new")
def form(request: Request, lab: Here) -> HTMLResponse:
    return _page(request, lab, {})


@router.post("/new")
def act(request: Request, lab: Changeable, form: Annotated[Form, Depends(form_of)]) -> Response:
    """Check or submit. What was typed stays, whatever comes of it."""
    is_check = form.fields.get("do") == "check"
    try:
        given = of_form(_asked(form))
        if is_check:
            return _page(request, lab, {"examined": examine(lab.loaded, lab.clock, given)}, form)
        done = _submitted(lab, given, form.fields.get("key") or None)
    except UserError as error:
        refused = in_words_of_requests(error)
        errors = refused.errors if isinstance(refused, WebRefusal) else ()
        values = {"refused": refused, "errors": errors}
        return _page(request, lab, values, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    place = f"/deliveries/{done}"
    if request.headers.get("accept") == "application/json":  # the page's script goes there itself
        return JSONResponse({"delivery": done}, HTTPStatus.CREATED, {"Location": place})
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)


def _submitted(lab: LabHere, given: Any, key: str | None) -> int:
    try:
        return int(submitted(lab, given, key).answer["delivery"])
    except KeyOfAnother:  # the browser went back to a form that was submitted, and it was changed
        return int(submitted(lab, given).answer["delivery"])


def _asked(form: Form) -> Form:
    """As the API takes it: a box that is not checked is not sent, and that is its meaning."""
    fields = {name: value for name, value in form.fields.items() if name not in _NOT_TERMS}
    fields["track"] = "true" if "track" in fields else "false"
    return Form(fields, form.files)


def _page(
    request: Request,
    lab: LabHere,
    values: dict[str, Any],
    form: Form | None = None,
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    typed = {"track": "true"} if form is None else dict(form.fields)
    again = []
    for name, file in {} if form is None else form.files.items():
        text = _text(file)
        if text is None:
            again.append(file.name)
        else:
            typed[name] = text
    given = {
        "here": "deliveries",
        "title": "New delivery",
        "affinities": list(lab.loaded.configuration.affinity),
        "typed": typed,
        "again": again,
        "key": lab.machine.chance().token(20),
        "examined": None,
        "refused": None,
        "errors": (),
        "is_tracked": lab.loaded.configuration.tracking.is_on,
        **values,
    }
    return page(request, lab, "new_delivery.html", given, status)


def _text(file: File) -> str | None:
    """A file as it can be shown to be sent again; None: it is too large, or no text."""
    if len(file.content) > KEPT_BYTES:
        return None
    try:
        return file.content.decode()
    except UnicodeDecodeError:
        return None
