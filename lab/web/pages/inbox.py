"""The inbox: what the sinks received and kept, and each mail as a person would see it."""

from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from lab.inbox.mailbox import Found, Inbox, Listed, Opened
from lab.inbox.mime import Mailbox
from lab.inbox.query import BadSearch, terms_of
from lab.inbox.summary import blind_copies, sender_of
from lab.web.lab_here import Here, LabHere
from lab.web.mail_looks import looked_at
from lab.web.mail_view import part_answer, preview
from lab.web.problems import NotHere
from lab.web.rendering import page
from mail.message_id import MessageMark, parse_message_id_header, parse_return_path

router = APIRouter()
_PAGE: Final = 50
_FARTHEST: Final = 2**40
_EMPTY: Final = Found([], 0, 0)


class _Row(NamedTuple):
    """One line of the list."""

    id: str
    sender: str
    to: str
    subject: str
    snippet: str
    size: int
    time: float
    is_read: bool
    attachments: int
    tags: tuple[str, ...]
    delivery: int | None


@router.get("/inbox")
def listed(
    request: Request,
    lab: Here,
    query: Annotated[str, Query(max_length=1000)] = "",
    start: Annotated[int, Query(ge=0, le=_FARTHEST)] = 0,
) -> HTMLResponse:
    found, wrong = _found(lab.inbox, query.strip(), start)
    counts = lab.inbox.counts(waits=False)

    def other(to: int) -> str:
        return "/inbox?" + urlencode({"query": query} if query else {}) + f"&start={to}"

    values = {
        "here": "inbox",
        "title": "Inbox",
        "mails": [_row(lab, each) for each in found.mails],
        "found": found,
        "counts": counts,
        "search": query.strip(),
        "wrong": wrong,
        "start": start,
        "is_behind": lab.inbox.is_behind,
        "newer": other(max(0, start - _PAGE)) if start else None,
        "older": other(start + _PAGE) if start + _PAGE < found.total else None,
    }
    return page(request, lab, "inbox.html", values)


def _found(inbox: Inbox, query: str, start: int) -> tuple[Found, BadSearch | None]:
    """A page of the list, and why a search means nothing."""
    if not query:
        return inbox.newest(start, _PAGE, waits=False), None
    try:
        return inbox.search(terms_of(query), start, _PAGE, waits=False), None
    except BadSearch as error:
        return _EMPTY, error


def _row(lab: LabHere, listed: Listed) -> _Row:
    found = listed.summary
    to = found.to or found.cc or found.bcc
    more = len(found.to) + len(found.cc) + len(found.bcc) - 1
    mark = _mark(lab, f"<{found.message_id}>", "")
    return _Row(
        id=listed.entry.id,
        sender=_said(found.sender),
        to=_said(to[0] if to else None) + (f" +{more}" if more > 0 else ""),
        subject=found.subject,
        snippet=found.snippet,
        size=found.size,
        time=listed.entry.time,
        is_read=listed.is_read,
        attachments=found.attachments,
        tags=listed.tags,
        delivery=None if mark is None else mark.delivery_id,
    )


def _said(box: Mailbox | None) -> str:
    return "" if box is None else box.name or box.address


def _mark(lab: LabHere, message_id: str, mail_from: str) -> MessageMark | None:
    """Which message of this lab it is."""
    mark = parse_return_path(mail_from) or parse_message_id_header(message_id)
    domain = lab.loaded.configuration.lab.domain
    return mark if mark is not None and mark.domain.lower() == domain.lower() else None


# --- one mail ------------------------------------------------------------------------------------


@router.get("/inbox/{mail_id}")
def shown(
    request: Request,
    lab: Here,
    mail_id: str,
    show: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """One mail; it counts as read from now on."""
    opened = lab.inbox.open(mail_id)
    if not lab.is_kept:
        lab.inbox.set_read([opened.entry.id], is_read=True)
    mail = opened.mail
    values = {
        "here": "inbox",
        "title": mail.header("Subject") or "(no subject)",
        **_envelope(lab, opened),
        **looked_at(mail, show),
        "look": f"/inbox/{opened.entry.id}?show=",
        "frame": f"/inbox/{opened.entry.id}/preview",
        "files_at": f"/inbox/{opened.entry.id}/part/",
        "raw": f"/api/v1/message/{opened.entry.id}/raw?dl=1",
    }
    return page(request, lab, "mail.html", values)


def _envelope(lab: LabHere, opened: Opened) -> dict[str, Any]:
    mail, receipt = opened.mail, opened.receipt
    sender = sender_of(mail)
    people = (
        ("From", [sender] if sender is not None else []),
        ("To", mail.mailboxes("To")),
        ("Cc", mail.mailboxes("Cc")),
        ("Bcc", blind_copies(receipt, mail)),
        ("Reply-To", mail.mailboxes("Reply-To")),
    )
    return {
        "id": opened.entry.id,
        "receipt": receipt,
        "people": [(name, boxes) for name, boxes in people if boxes],
        "written": mail.date,
        "tags": opened.tags,
        "mark": _mark(lab, receipt.message_id or "", receipt.mail_from),
    }


@router.get("/inbox/{mail_id}/preview")
def framed(lab: Here, mail_id: str) -> Response:
    """Its HTML, for the frame of its page."""
    return preview(lab.inbox.open(mail_id).mail)


@router.get("/inbox/{mail_id}/part/{part_id}")
def part(lab: Here, mail_id: str, part_id: str) -> Response:
    """A file that came with it, to keep."""
    found = lab.inbox.open(mail_id).mail.part(part_id)
    if found is None:
        raise NotHere(f"the mail has no part {part_id!r}")
    return part_answer(found, download=True)
