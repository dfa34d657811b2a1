"""What a word means: where it can be but one thing, that is shown at once."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from lab.web.lab_here import Here
from lab.web.rendering import page
from lab.web.searching import MAILS_LOOKED_AT, Hits, search

router = APIRouter()


@router.get("/search")
def found(request: Request, lab: Here, q: Annotated[str, Query(max_length=320)] = "") -> Response:
    word = q.strip()
    hits = search(lab, word) if word else None
    places = [] if hits is None else list(_places(hits))
    if len(places) == 1:
        return RedirectResponse(places[0], HTTPStatus.SEE_OTHER)
    values = {"here": "search", "title": "Search", "word": word, "hits": hits}
    return page(
        request,
        lab,
        "search.html",
        {**values, "count": len(places), "mails_looked_at": MAILS_LOOKED_AT},
    )


def _places(hits: Hits) -> Iterator[str]:
    """Where each of the hits leads. All of an address lead to that address."""
    if hits.address is not None:
        if hits.messages or hits.addresses:
            yield f"/recipients/{quote(str(hits.address))}"
        return
    yield from (f"/deliveries/{each.id}" for each in hits.deliveries)
    yield from (f"/messages/{each.id}" for each in hits.messages)
    yield from (f"/recipients/{quote(each.address)}" for each in hits.addresses)
    yield from (f"/affinities#{quote(each)}" for each in hits.affinities)
    yield from ("/affinities" for _ in hits.source_ips)
    yield from ("/flow" for _ in hits.lanes)
    yield from (f"/inbox/{quote(each.receipt.id)}" for each in hits.mails)
