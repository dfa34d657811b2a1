"""Web tracking: pages that a reader visits after a click, and what they buy there.

A page has an image that leads here, with the token of the link that led to it, or without: then the
browser's cookie of its last click tells which message it was.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from mail.tracked import Kind
from tracking.event import TEXT_MAX, said
from tracking.server import answers
from tracking.server.desk import Desk, Refused, query_of, values_in

_AMOUNT_MAX: Final = 1e12
_ARTICLES_MAX: Final = 1_000_000


def noted_by(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def visit(request: Request) -> Response:
        who, query = request.scope["asker"], query_of(request.scope)
        facts = _facts(query)
        text = request.path_params.get("token")
        if text is None:
            token, _ = await desk.read(who.click)
        else:
            token, _ = await desk.read(text, values_in(query))
        kind = Kind.TRANSACTION if len(facts) > 1 else Kind.PAGE
        desk.note(who, token, kind, who.person, **facts)
        return answers.gif()

    return visit


def _facts(query: Mapping[str, str]) -> dict[str, Any]:
    """What a page says of itself.

    Raises:
        Refused: a value is none.
    """
    page = said(query.get("page", ""))
    if not page.strip() or len(query["page"]) > TEXT_MAX:
        raise Refused("bad_value")
    found: dict[str, Any] = {"page": page}
    try:
        if "amount" in query:
            found["amount"] = _within(float(query["amount"]), _AMOUNT_MAX)
        if "articles" in query:
            found["articles"] = int(_within(int(query["articles"]), _ARTICLES_MAX))
    except ValueError as error:
        raise Refused("bad_value") from error
    return found


def _within(value: float, most: float) -> float:
    if not (math.isfinite(value) and 0 <= value <= most):
        raise ValueError("out of bounds")
    return value
