"""The mail of a delivery as it would go to one of its recipients."""

from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from lab.inbox.mime import Mail
from lab.web.asked import BIGGEST, DeliveryNumber
from lab.web.delivery_head import head_of
from lab.web.lab_here import Here, LabHere
from lab.web.mail_looks import looked_at
from lab.web.mail_to_send import ToSend, made_for
from lab.web.mail_view import part_answer, preview
from lab.web.problems import NotHere
from lab.web.rendering import page
from mail.address import BadAddress, parse_address
from store import log
from store.errors import UnknownMessage

router = APIRouter()
_PEOPLE: Final = ("From", "To", "Cc", "Reply-To")
_Message = Annotated[int, Query(ge=1, le=BIGGEST)]


@router.get("/deliveries/{number}/content")
def content(
    request: Request,
    lab: Here,
    number: DeliveryNumber,
    address: Annotated[str, Query(max_length=320)] = "",
    show: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    head = head_of(lab, number, "content")
    message, wrong = _message_to(lab, number, address.strip())
    values: dict[str, Any] = {
        **head,
        "address": address.strip(),
        "message": message,
        "wrong": wrong,
        "mail": None,
        "made": None,
    }
    if message is not None:
        found = _made(lab, message)
        values |= {"made": found, **_shown(head["root"], message, address.strip(), found, show)}
    return page(request, lab, "delivery_content.html", values)


def _message_to(lab: LabHere, number: int, address: str) -> tuple[log.Message | None, str]:
    """The message to an address, the first of the delivery without one; or why there is none."""
    if not address:
        found = lab.read(log.messages, log.Filter(delivery_id=number), limit=1)
        return (found[0] if found else None), ""
    try:
        parsed = parse_address(address)
    except BadAddress as error:
        return None, str(error)
    wanted = log.Filter(delivery_id=number, domain=parsed.domain, address=str(parsed))
    found = lab.read(log.messages, wanted, limit=1, newest=True)
    return (found[0], "") if found else (None, f"No message of this delivery is to {address}.")


def _made(lab: LabHere, message: log.Message) -> ToSend:
    return lab.read(made_for, message, lab.loaded.configuration.lab.domain, lab.now())


def _shown(
    root: str, message: log.Message, address: str, found: ToSend, show: str
) -> dict[str, Any]:
    if found.content is None:
        return {}
    mail = Mail(found.content)
    chosen = urlencode({"address": address, "show": ""} if address else {"show": ""})
    own = f"?message={message.id}"
    return {
        "mail": mail,
        "subject": mail.header("Subject"),
        "people": [(name, value) for name in _PEOPLE if (value := mail.header(name))],
        "size": len(found.content),
        **looked_at(mail, show),
        # A click here would count as its recipient's, and the way out would unsubscribe them.
        "is_web": _never,
        "look": f"{root}/content?{chosen}",
        "frame": f"{root}/content/preview{own}",
        "files_at": f"{root}/content/files{own}&part=",
        "raw": f"{root}/content/source{own}",
    }


def _never(_: str) -> bool:
    return False


def _mail(lab: LabHere, number: int, message: int) -> Mail:
    found, _ = lab.read(log.message, message)
    if found.delivery_id != number:
        raise UnknownMessage(message)
    made = _made(lab, found)
    if made.content is None:
        raise NotHere(made.why)
    return Mail(made.content)


@router.get("/deliveries/{number}/content/preview")
def framed(lab: Here, number: DeliveryNumber, message: _Message) -> Response:
    """Its HTML, for the frame of the page."""
    return preview(_mail(lab, number, message))


@router.get("/deliveries/{number}/content/files")
def file(
    lab: Here, number: DeliveryNumber, message: _Message, part: Annotated[str, Query(max_length=50)]
) -> Response:
    """A file that goes with it, to keep."""
    found = _mail(lab, number, message).part(part)
    if found is None:
        raise NotHere(f"the mail has no part {part!r}")
    return part_answer(found, download=True)


@router.get("/deliveries/{number}/content/source")
def source(lab: Here, number: DeliveryNumber, message: _Message) -> Response:
    """The whole of it, to keep."""
    name = quote(f"delivery-{number}-message-{message}.eml")
    return Response(
        _mail(lab, number, message).raw,
        media_type="message/rfc822",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
