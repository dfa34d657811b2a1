"""What OpenAPI says of all paths alike: how they refuse."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lab.web.problems import MEDIA_TYPE

_PROBLEM: Final = {
    "title": "Problem",
    "description": "A refusal, as RFC 9457 has it.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:mtalab:problem:unknown_delivery"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": "string", "description": "What to do about it."},
        "where": {"type": "string", "description": "The place in what was sent."},
        "errors": {
            "type": "array",
            "items": {"type": "object"},
            "description": "One by one, where several things are wrong.",
        },
    },
}
_OF_ALL: Final = {
    HTTPStatus.UNAUTHORIZED: "A token is asked for, where the server is not on loopback alone.",
    HTTPStatus.MISDIRECTED_REQUEST: "The Host header names another server.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something of the request means nothing, or cannot be done.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store, a file or a process is away.",
}
_OF_CHANGES: Final = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.FORBIDDEN: "A page of another site sent it.",
    HTTPStatus.CONFLICT: "The state does not allow it, or the lab is only to be looked at.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "It is larger than request_max of [web].",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "That kind of content is not taken.",
}
_MISSING: Final = {HTTPStatus.NOT_FOUND: "There is nothing of that name or number."}
_READS: Final = ("get", "head", "options")


def describe(app: FastAPI) -> None:
    """Let ``/openapi.json`` be true about what is refused, too."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                )
            )
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _with_problems(found: dict[str, Any]) -> dict[str, Any]:
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in found["paths"].values():
        for method, operation in operations.items():
            told = {**_OF_ALL, **_MISSING, **({} if method in _READS else _OF_CHANGES)}
            for status, words in sorted(told.items()):
                operation["responses"][str(int(status))] = {
                    "description": words,
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
    return found
