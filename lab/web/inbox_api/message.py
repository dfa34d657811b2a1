"""``/api/v1/message/ID`` and ``/view/ID.html``: one mail; the ID ``latest`` is the last one."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from lab.inbox.mailbox import LATEST, Opened
from lab.web.inbox_api.forms import headers, whole
from lab.web.inbox_api.speaking import NotDone, SpokenAsText, searched
from lab.web.lab_here import Here, LabHere
from lab.web.mail_view import POLICY, part_answer, preview, with_pictures
from lab.web.problems import NotHere

router = APIRouter(route_class=SpokenAsText)
view = APIRouter(route_class=SpokenAsText)
_NOT_DONE: Final = {
    ("GET", "html-check"): "HTML is not held against mail programs here; see `mtalab check`",
    ("GET", "link-check"): "links are not followed: nothing leaves this machine",
    ("GET", "sa-check"): "there is no SpamAssassin here",
    ("POST", "release"): "messages are not released: nothing leaves this machine",
}


def _opened(lab: LabHere, request: Request, mail_id: str) -> Opened:
    terms = searched(request) if mail_id == LATEST else None
    if terms is not None:
        found = lab.inbox.search(terms, 0, 1).mails
        if not found:
            raise NotHere("Message not found")
        mail_id = found[0].entry.id
    return lab.inbox.open(mail_id)


def _mark(lab: LabHere, opened: Opened) -> None:
    if not lab.is_kept:  # nothing of such a lab is changed
        lab.inbox.set_read([opened.entry.id], is_read=True)


@router.get("/message/{mail_id}")
def shown(lab: Here, request: Request, mail_id: str) -> dict[str, Any]:
    """Its bodies and what came along; it counts as read from now on."""
    opened = _opened(lab, request, mail_id)
    _mark(lab, opened)
    return whole(opened)


@router.get("/message/{mail_id}/headers")
def its_headers(lab: Here, request: Request, mail_id: str) -> dict[str, list[str]]:
    opened = _opened(lab, request, mail_id)
    return headers(opened.mail)


@router.get("/message/{mail_id}/raw")
def raw(lab: Here, request: Request, mail_id: str, dl: str = "") -> Response:
    opened = _opened(lab, request, mail_id)
    name = f'attachment; filename="{opened.entry.id}.eml"'
    return Response(
        opened.mail.raw,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": name} if dl == "1" else None,
    )


@router.get("/message/{mail_id}/part/{part_id}")
def part(lab: Here, request: Request, mail_id: str, part_id: str) -> Response:
    opened = _opened(lab, request, mail_id)
    found = opened.mail.part(part_id)
    if found is None:
        raise NotHere(f"the message has no part {part_id!r}")
    return part_answer(found)


@router.get("/message/{mail_id}/part/{part_id}/thumb")
def thumb(lab: Here, request: Request, mail_id: str, part_id: str) -> Response:
    """A picture is its own thumbnail: it is served whole."""
    return part(lab, request, mail_id, part_id)


@router.get("/message/{mail_id}/{check}")
@router.post("/message/{mail_id}/{check}")
def not_done(lab: Here, request: Request, mail_id: str, check: str) -> Response:
    if (request.method, check) not in _NOT_DONE:
        raise NotHere("404 page not found")
    _opened(lab, request, mail_id)
    raise NotDone(_NOT_DONE[request.method, check])


@view.get("/view/{mail_id}.html")
def as_html(lab: Here, request: Request, mail_id: str) -> Response:
    """The HTML of a mail, pictures that came along within it."""
    opened = _opened(lab, request, mail_id)
    if not opened.mail.html:
        raise NotHere("This message does not contain a HTML part")
    _mark(lab, opened)
    if "sec-fetch-dest" in request.headers:  # a browser, which would do what it says
        return preview(opened.mail)
    return Response(
        with_pictures(opened.mail),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": POLICY},
    )


@view.get("/view/{mail_id}.txt")
def as_text(lab: Here, request: Request, mail_id: str) -> Response:
    opened = _opened(lab, request, mail_id)
    _mark(lab, opened)
    return PlainTextResponse(opened.mail.text)


@view.get("/view/{mail_id}")
def as_page(lab: Here, request: Request, mail_id: str) -> Response:
    """Where Mailpit has its page of a mail, ours is found."""
    opened = _opened(lab, request, mail_id)
    return RedirectResponse(f"/inbox/{opened.entry.id}")
