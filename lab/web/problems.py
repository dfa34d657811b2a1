"""Refusals as RFC 9457 has them: ``application/problem+json``, a ``type`` for each kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from lab.acting.once import KeyInUse
from lab.editing.values import NoSuchKey
from mail.errors import EnvironmentFault, IllegalTransition, UserError
from mta.errors import UnknownField
from store.errors import CannotNow, KeyTaken, SubmissionGone

MEDIA_TYPE: Final = "application/problem+json"
_WORDS: Final = re.compile(r"(?<!^)(?=[A-Z])")
_UNKNOWN: Final = ("Unknown", "NoSuch")  # how errors about what is not there are named
_OF_WHAT_WAS_SENT: Final = (UnknownField, NoSuchKey)  # and not of its address
_CONFLICTS: Final = (IllegalTransition, CannotNow, SubmissionGone, KeyInUse, KeyTaken)


class Problem(JSONResponse):
    """A refusal for programs; ``said`` is what it says, for those who say it otherwise."""

    media_type = MEDIA_TYPE

    def __init__(self, said: dict[str, Any], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(said, status, dict(headers))
        self.said = said


Show = Callable[[Request, Problem], Response]
"""Makes a problem's answer: itself, or a page for people."""
_Handler = Callable[[Request, Exception], Problem]


class WebRefusal(UserError):
    """A request that the server refuses by itself; ``status`` is HTTP's."""

    status = HTTPStatus.BAD_REQUEST
    errors: Sequence[Mapping[str, Any]] = ()  # what is wrong one by one, where it is many things


class NotHere(WebRefusal):
    """There is nothing of that name."""

    status = HTTPStatus.NOT_FOUND


class OnlyToLookAt(WebRefusal):
    """A lab that was kept from a simulation cannot be changed."""

    status = HTTPStatus.CONFLICT


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    remedy: str = "",
    where: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """A problem; ``kind`` is a word for programs, such as ``unknown_delivery``."""
    content: dict[str, Any] = {
        "type": f"urn:mtalab:problem:{kind}",
        "title": kind.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
    }
    if remedy:
        content["remedy"] = remedy
    if where:
        content["where"] = where
    if errors:
        content["errors"] = list(errors)
    return Problem(content, status, headers or {})


def kind_of(error: Exception) -> str:
    """``UnknownDelivery`` → ``unknown_delivery``."""
    return _WORDS.sub("_", type(error).__name__).lower()


def status_of(error: UserError | EnvironmentFault | IllegalTransition) -> int:
    """Which status of HTTP an error of ours is."""
    if isinstance(error, WebRefusal):
        return error.status
    if isinstance(error, _CONFLICTS):
        return HTTPStatus.CONFLICT
    if isinstance(error, EnvironmentFault):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if type(error).__name__.startswith(_UNKNOWN) and not isinstance(error, _OF_WHAT_WAS_SENT):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.UNPROCESSABLE_ENTITY


def _of_ours(_: Request, error: Exception) -> Problem:
    if isinstance(error, IllegalTransition):
        return problem(status_of(error), kind_of(error), str(error))
    assert isinstance(error, UserError | EnvironmentFault), "the handler is for these"
    where = "" if error.where is None else str(error.where)
    errors = error.errors if isinstance(error, WebRefusal) else ()
    return problem(
        status_of(error),
        kind_of(error),
        error.what,
        remedy=error.remedy,
        where=where,
        errors=errors,
    )


def _invalid(_: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError), "the handler is for these"
    errors = [
        {"where": ".".join(str(each) for each in found["loc"]), "what": found["msg"]}
        for found in error.errors()
    ]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        f"{errors[0]['where']}: {errors[0]['what']}" if errors else "the request is not valid",
        errors=errors,
    )


def _of_http(request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException), "the handler is for these"
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    headers = dict(error.headers or {})
    allowed = _allowed(request) if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else []
    if allowed:
        headers["Allow"] = ", ".join(allowed)
    return problem(error.status_code, kind, str(error.detail), headers=headers)


def _allowed(request: Request) -> list[str]:
    """All methods of a path: each has a route of its own, and Starlette names the first's."""
    found = [
        method.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].match(request.url.path)
        for method in operations
    ]
    return sorted(found)


def _cut_off(_: Request, __: Exception) -> Problem:
    """Whoever left hears nothing; who sent too much without saying how much, does."""
    return problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_large",
        "the request was cut off where it became too large",
        remedy="Raise request_max under [web], or use `mtalab submit`.",
    )


def speak_of_problems(app: FastAPI, show: Show) -> None:
    """Let every refusal be a problem of RFC 9457, as ``show`` shows it."""
    handlers: Mapping[type[Exception], _Handler] = {
        UserError: _of_ours,
        EnvironmentFault: _of_ours,
        IllegalTransition: _of_ours,
        RequestValidationError: _invalid,
        HTTPException: _of_http,
        ClientDisconnect: _cut_off,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _shown(handler, show))


def _shown(handler: _Handler, show: Show) -> Callable[[Request, Exception], Response]:
    return lambda request, error: show(request, handler(request, error))
