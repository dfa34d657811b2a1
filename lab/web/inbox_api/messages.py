"""``/api/v1/messages`` and ``/api/v1/search``: lists, and what is done to many mails."""

from typing import Any

from fastapi import APIRouter, Response

from lab.inbox.query import terms_of
from lab.web.changing import Changeable
from lab.web.inbox_api.forms import in_page
from lab.web.inbox_api.speaking import (
    Body,
    NotAsked,
    Search,
    SpokenAsText,
    Windowed,
    done,
    object_in,
    texts_in,
)
from lab.web.lab_here import Here

router = APIRouter(route_class=SpokenAsText)


@router.get("/messages")
def listed(lab: Here, window: Windowed) -> dict[str, Any]:
    found = lab.inbox.newest(window.start, window.limit, before=window.before)
    return in_page(found, lab.inbox.counts(), window.start)


@router.put("/messages")
def set_read(lab: Changeable, body: Body, tz: str = "") -> Response:
    """Those of IDs, or those that Search finds, or all."""
    given = object_in(body)
    ids, query, is_read = texts_in(given, "IDs"), given.get("search", ""), given.get("read", False)
    if not isinstance(query, str) or not isinstance(is_read, bool):
        raise NotAsked("Search must be a text, and Read true or false")
    if ids and query:
        raise NotAsked("You may specify either IDs or a search query, not both")
    if not ids:
        ids = lab.inbox.ids(terms_of(query, tz) if query else None)
    lab.inbox.set_read(ids, is_read=is_read)
    return done()


@router.delete("/messages")
def delete(lab: Changeable, body: Body) -> Response:
    """Those of IDs, or all."""
    lab.inbox.delete(texts_in(object_in(body), "IDs") or lab.inbox.ids())
    return done()


@router.get("/search")
def search(lab: Here, terms: Search, window: Windowed) -> dict[str, Any]:
    found = lab.inbox.search(terms, window.start, window.limit, before=window.before)
    return in_page(found, lab.inbox.counts(), window.start)


@router.delete("/search")
def delete_found(lab: Changeable, terms: Search) -> Response:
    lab.inbox.delete(lab.inbox.ids(terms))
    return done()
