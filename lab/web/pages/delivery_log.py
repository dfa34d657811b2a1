"""The delivery log of one delivery: a line for each message, narrowed, page by page."""

from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from lab.web.asked import Cursor, DeliveryNumber, reason_of
from lab.web.delivery_head import head_of
from lab.web.lab_here import Here
from lab.web.rendering import page
from mail.address import BadAddress, parse_address
from mail.reason import Reason
from mail.states import MessageStatus
from store import log

router = APIRouter()
_PAGE: Final = 50
_VIEWS: Final = (
    ("", "All"),
    (str(MessageStatus.PENDING), "Pending"),
    (str(MessageStatus.SENT), "Sent"),
    (str(MessageStatus.FAILED), "Failed"),
    (str(MessageStatus.IGNORED), "Excluded"),
    (str(MessageStatus.CANCELLED), "Cancelled"),
)


class Chosen(NamedTuple):
    """What a form asks for; an empty field asks for nothing."""

    status: str
    address: str
    domain: str
    reason: str
    ip: str

    def filter(self, number: int) -> log.Filter:
        """Raises BadQuestion, BadAddress."""
        address = parse_address(self.address) if self.address else None
        domain = self.domain or (None if address is None else address.domain)
        return log.Filter(
            delivery_id=number,
            status=MessageStatus(self.status) if self.status else None,
            domain=domain,
            source_ip=self.ip or None,
            reason=reason_of(self.reason or None),
            address=None if address is None else str(address),
        )

    def query(self, **more: object) -> str:
        """Of an address of this page: the fields that ask for something."""
        fields = {key: value for key, value in self._asdict().items() if value}
        return urlencode({**fields, **more})


def _chosen(
    status: MessageStatus | Literal[""] = "",
    address: Annotated[str, Query(max_length=320)] = "",
    domain: Annotated[str, Query(max_length=255)] = "",
    reason: Annotated[str, Query(max_length=100)] = "",
    ip: Annotated[str, Query(max_length=45)] = "",
) -> Chosen:
    fields = (each.strip() for each in (address, domain, reason, ip))
    return Chosen(str(status), *fields)


@router.get("/deliveries/{number}/log")
def shown(
    request: Request,
    lab: Here,
    number: DeliveryNumber,
    chosen: Annotated[Chosen, Depends(_chosen)],
    cursor: Cursor = None,
) -> HTMLResponse:
    head = head_of(lab, number, "log")
    found, wrong = list[log.Message](), ""
    try:
        wanted = chosen.filter(number)
    except BadAddress as error:
        wrong = str(error)
    else:
        found = lab.read(log.messages, wanted, before_id=cursor, limit=_PAGE + 1, newest=True)
        found.reverse()
    more = len(found) > _PAGE
    found = found[:_PAGE]
    root = f"{head['root']}/log"
    values = {
        **head,
        "messages": found,
        "wrong": wrong,
        "chosen": chosen,
        "views": [(key, label, _address(root, chosen, key)) for key, label in _VIEWS],
        "reasons": [each.label for each in Reason if each is not Reason.NOT_DEFINED],
        "newest": f"{root}?{chosen.query()}" if cursor is not None else None,
        "following": f"{root}?{chosen.query(cursor=found[-1].id)}" if more else None,
    }
    return page(request, lab, "delivery_log.html", values)


def _address(root: str, chosen: Chosen, status: str) -> str:
    query = chosen._replace(status=status, reason="").query()
    return f"{root}?{query}" if query else root
