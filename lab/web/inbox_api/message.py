"""``/api/v1/message/ID`` and ``/view/ID.html``: one mail; the ID ``latest`` is the last one."""

from typing import Annotated, Any, NoReturn

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from lab.inbox.mailbox import LATEST, Opened
from lab.web.inbox_api.forms import headers, whole
from lab.web.inbox_api.speaking import NotDone, SpokenAsText, searched
from lab.web.lab_here import Here
from lab.web.mail_view import POLICY, part_answer, preview, with_pictures
from lab.web.problems import NotHere

router = APIRouter(route_class=SpokenAsText)
view = APIRouter(route_class=SpokenAsText)


def _opened(lab: Here, request: Request, mail_id: str) -> Opened:
    terms = searched(request) if mail_id == LATEST else None
    if terms is not None:
        found = lab.inbox.search(terms, 0, 1).mails
        if not found:
            raise NotHere("Message not found")
        mail_id = found[0].entry.id
    return lab.inbox.open(mail_id)


OneMail = Annotated[Opened, Depends(_opened)]


def _mark(lab: Here, opened: Opened) -> None:
    if not lab.is_kept:  # nothing of such a lab is changed
        lab.inbox.set_read([opened.entry.id], is_read=True)


@router.get("/message/{mail_id}")
def shown(lab: Here, opened: OneMail) -> dict[str, Any]:
    """Its bodies and what came along; it counts as read from now on."""
    _mark(lab, opened)
    return whole(opened)


@router.get("/message/{mail_id}/headers")
def its_headers(opened: OneMail) -> dict[str, list[str]]:
    return headers(opened.mail)


@router.get("/message/{mail_id}/raw")
def raw(opened: OneMail, dl: str = "") -> Response:
    name = f'attachment; filename="{opened.entry.id}.eml"'
    return Response(
        opened.mail.raw,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": name} if dl == "1" else None,
    )


@router.get("/message/{mail_id}/part/{part_id}")
def part(opened: OneMail, part_id: str) -> Response:
    found = opened.mail.part(part_id)
    if found is None:
        raise NotHere(f"the message has no part {part_id!r}")
    return part_answer(found)


@router.get("/message/{mail_id}/part/{part_id}/thumb")
def thumb(opened: OneMail) -> NoReturn:
    raise NotDone("no thumbnails are made here", remedy="Ask for the part itself.")


@router.get("/message/{mail_id}/html-check")
def html_check(opened: OneMail) -> NoReturn:
    raise NotDone(
        "HTML is not held against mail programs here",
        remedy="`mtalab check` finds other mistakes of a mail.",
    )


@router.get("/message/{mail_id}/link-check")
def link_check(opened: OneMail) -> NoReturn:
    raise NotDone("links are not followed: nothing leaves this machine")


@router.get("/message/{mail_id}/sa-check")
def spam_check(opened: OneMail) -> NoReturn:
    raise NotDone("there is no SpamAssassin here")


@router.post("/message/{mail_id}/release")
def release(opened: OneMail) -> NoReturn:
    raise NotDone("messages are not released: nothing leaves this machine")


@view.get("/view/{mail_id}.html")
def as_html(lab: Here, request: Request, opened: OneMail) -> Response:
    """The HTML of a mail, pictures that came along within it."""
    if not opened.mail.html:
        raise NotHere("This message does not contain a HTML part")
    _mark(lab, opened)
    if "sec-fetch-dest" in request.headers:  # a browser, which would do what it says
        return preview(opened.mail)
    return Response(
        with_pictures(opened.mail).encode("utf-8", "replace"),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": POLICY},
    )


@view.get("/view/{mail_id}.txt")
def as_text(lab: Here, opened: OneMail) -> Response:
    _mark(lab, opened)
    return PlainTextResponse(opened.mail.text.encode("utf-8", "replace"))


@view.get("/view/{mail_id}")
def as_page(opened: OneMail) -> Response:
    """Where Mailpit has its page of a mail, ours is found."""
    return RedirectResponse(f"/inbox/{opened.entry.id}")
