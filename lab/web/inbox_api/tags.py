"""``/api/v1/tags``: names that mails are given."""

from fastapi import APIRouter, Response

from lab.web.changing import Changeable
from lab.web.inbox_api.speaking import Body, NotAsked, SpokenAsText, done, object_in, texts_in
from lab.web.lab_here import Here

router = APIRouter(route_class=SpokenAsText)


@router.get("/tags")
def listed(lab: Here) -> list[str]:
    return list(lab.inbox.counts().tags)


@router.put("/tags")
def given(lab: Changeable, body: Body) -> Response:
    """Let the mails of IDs have these Tags and no others."""
    asked = object_in(body)
    ids = texts_in(asked, "IDs")
    if not ids:
        raise NotAsked("IDs must name the messages")
    lab.inbox.set_tags(ids, texts_in(asked, "Tags"))
    return done()


@router.put("/tags/{tag:path}")
def renamed(lab: Changeable, tag: str, body: Body) -> Response:
    name = object_in(body).get("name")
    if not isinstance(name, str) or not name.strip():
        raise NotAsked("Name must be the tag's new name")
    return _answer(tag, is_there=lab.inbox.rename_tag(tag, name))


@router.delete("/tags/{tag:path}")
def deleted(lab: Changeable, tag: str) -> Response:
    return _answer(tag, is_there=lab.inbox.rename_tag(tag, None))


def _answer(tag: str, *, is_there: bool) -> Response:
    if not is_there:
        raise NotAsked(f"tag not found: {tag}")
    return done()
