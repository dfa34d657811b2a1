"""How Mailpit speaks: what it takes from a request, and the form of its answers and refusals."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import orjson
from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError

from lab.inbox.query import Term, terms_of, time_of
from lab.web.problems import WebRefusal, status_of
from mail.errors import EnvironmentFault, UserError

_LIMIT: Final = 50
OK: Final = "ok"


class NotAsked(WebRefusal):
    """A request lacks what it must have, or has it in another form."""


class NotDone(WebRefusal):
    """Mailpit does it, this does not."""

    status = HTTPStatus.NOT_IMPLEMENTED


class SpokenAsText(APIRoute):
    """Refusals are plain text, as most of Mailpit's are."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def speaking(request: Request) -> Response:
            try:
                return await handler(request)
            except (UserError, EnvironmentFault) as error:
                return self.refusal(" ".join(str(error).split()), _status(error))

        return speaking

    def refusal(self, text: str, status: int) -> Response:
        return PlainTextResponse(text, status)


class SpokenAsJson(SpokenAsText):
    """Refusals are ``{"Error": text}``."""

    def refusal(self, text: str, status: int) -> Response:
        return JSONResponse({"Error": text}, status)


def _status(error: UserError | EnvironmentFault) -> int:
    """Mailpit knows 400 and 404; what it never meets keeps a status of its own."""
    status = status_of(error)
    return HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else status


def done() -> PlainTextResponse:
    return PlainTextResponse(OK)


def problem_with(error: ValidationError) -> NotAsked:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return NotAsked(f"{place}: {first['msg']}" if place else first["msg"])


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
"""What was sent, whatever its Content-Type says: Mailpit does not ask for one."""


def object_in(body: bytes) -> dict[str, Any]:
    """The object that was sent, its keys in lower case, since Mailpit's may be in any; or NotAsked.

    An empty body counts as an empty object.
    """
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotAsked(f"that is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise NotAsked("a JSON object was expected")
    return {key.lower(): value for key, value in found.items()}


def texts_in(given: dict[str, Any], key: str) -> list[str]:
    """A list of texts, empty if it is not given; raises NotAsked."""
    found = given.get(key.lower())
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise NotAsked(f"{key} must be a list of texts")
    return found


class Window(NamedTuple):
    """Which part of a list is wanted."""

    start: int
    limit: int
    before: float | None  # received before this time


def _window(request: Request) -> Window:
    asked = request.query_params
    before = asked.get("before", "")
    return Window(
        _count(asked.get("start"), 0),
        _count(asked.get("limit"), _LIMIT),
        time_of(before, asked.get("tz", "")) if before else None,
    )


def _count(text: str | None, otherwise: int) -> int:
    """As Mailpit does, what is no number counts as not said."""
    said = text or ""
    is_number = said.isascii() and said.isdigit() and len(said) < 16
    return (int(said) or otherwise) if is_number else otherwise


Windowed = Annotated[Window, Depends(_window)]


def searched(request: Request) -> list[Term] | None:
    """The terms of ``query``; None: there is none. Raises BadSearch."""
    query = request.query_params.get("query", "").strip()
    return terms_of(query, request.query_params.get("tz", "")) if query else None


def _must_search(request: Request) -> list[Term]:
    terms = searched(request)
    if terms is None:
        raise NotAsked("Error: no search query")
    return terms


Search = Annotated[list[Term], Depends(_must_search)]
