"""What the API can do, read from its own description, with a command to try for each operation."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from lab.web.lab_here import Here
from lab.web.rendering import page

router = APIRouter()

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_SAMPLES: Final[Mapping[str, str]] = {
    "affinity": "promo",
    "address": "ann@example.test",
    "q": "ann",
    "name": "NAME",
}
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of an operation, or of its body."""

    name: str
    place: str  # path, query, header, body
    kind: str
    words: str
    is_needed: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """As the page shows it; ``path_to_try`` is empty where a look is not enough."""

    key: str
    method: str
    path: str
    title: str
    words: str
    parameters: list[Parameter]
    curl: str
    path_to_try: str


@router.get("/api")
def described(request: Request, lab: Here) -> HTMLResponse:
    """All operations, grouped by tag."""
    base = str(request.base_url).rstrip("/")
    has_token = lab.loaded.configuration.web.token_file is not None
    groups: dict[str, list[Operation]] = {}
    schema = request.app.openapi()
    for tag, operation in _operations(schema, base, has_token=has_token):
        groups.setdefault(tag, []).append(operation)
    values = {"here": "api", "title": "API", "groups": groups, "base": base}
    return page(request, lab, "api.html", {**values, "auth": _AUTH if has_token else ""})


_AUTH: Final = ' -H "Authorization: Bearer $TOKEN"'


def _operations(schema: Schema, base: str, *, has_token: bool) -> Iterator[tuple[str, Operation]]:
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                found = methods[method]
                tag = (found.get("tags") or ["other"])[0]
                yield tag, _operation(schema, base, path, method, found, has_token=has_token)


def _operation(
    schema: Schema, base: str, path: str, method: str, found: Schema, *, has_token: bool
) -> Operation:
    body = _body(schema, found)
    parameters = [*map(_parameter(schema), found.get("parameters", ())), *_fields(schema, body)]
    title, _, words = found.get("description", found.get("summary", "")).partition("\n")
    place = base + _filled(path, parameters)
    curl = ["curl", "-s"] if method == "get" else ["curl", "-s", "-X", method.upper()]
    if "event-stream" in orjson.dumps(found.get("responses", {})).decode():
        curl.insert(1, "-N")
    line = " ".join(curl) + (_AUTH if has_token else "")
    if body is not None:
        sample = orjson.dumps(_sample(schema, body)).decode()
        line += f" --json {shlex.quote(sample)}"
    needs = any(each.is_needed for each in parameters)
    return Operation(
        f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        method.upper(),
        path,
        title,
        words.strip(),
        parameters,
        f"{line} {shlex.quote(place)}",
        path if method == "get" and not needs else "",
    )


def _parameter(schema: Schema) -> Any:
    def made(found: Schema) -> Parameter:
        own = found.get("schema", {})
        words = found.get("description") or own.get("description", "")
        return Parameter(
            found["name"], found["in"], _kind(schema, own), words, bool(found.get("required"))
        )

    return made


def _body(schema: Schema, found: Schema) -> Schema | None:
    content = found.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema")
    return None if body is None else _resolved(schema, body)


def _fields(schema: Schema, body: Schema | None) -> Iterator[Parameter]:
    if body is None:
        return
    needed = body.get("required", ())
    for name, each in body.get("properties", {}).items():
        kind = _kind(schema, each)
        yield Parameter(name, "body", kind, each.get("description", ""), name in needed)


def _resolved(schema: Schema, found: Schema) -> Schema:
    """What a reference refers to, of ``#/components/schemas``."""
    while "$ref" in found:
        found = schema["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def _kind(schema: Schema, found: Schema) -> str:
    """In words: ``number``, ``pending, sent or failed``."""
    found = _resolved(schema, found)
    if "anyOf" in found:
        kinds = [_kind(schema, each) for each in found["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in found:
        return ", ".join(map(str, found["enum"]))
    if found.get("type") == "array":
        return f"list of {_kind(schema, found.get('items', {}))}"
    if "const" in found:
        return str(found["const"])
    names = {"integer": "number", "number": "number", "string": "text", "boolean": "true or false"}
    return names.get(found.get("type", ""), "object")


def _filled(path: str, parameters: list[Parameter]) -> str:
    """The path with samples in place of what must be named."""
    asked = []
    for each in parameters:
        sample = _SAMPLES.get(each.name, "1" if each.kind == "number" else each.name.upper())
        if each.place == "path":
            path = path.replace(f"{{{each.name}}}", sample)
        elif each.place == "query" and each.is_needed:
            asked.append(f"{each.name}={sample}")
    return path + ("?" + "&".join(asked) if asked else "")


def _sample(schema: Schema, body: Schema) -> dict[str, Any]:
    """A body with what is needed, or else its first field."""
    properties = body.get("properties", {})
    wanted = list(body.get("required", ())) or list(properties)[:1]
    return {name: _value(schema, name, properties.get(name, {})) for name in wanted}


def _value(schema: Schema, name: str, found: Schema) -> Any:
    found = _resolved(schema, found)
    for each in found.get("examples", ()):
        return each
    if "anyOf" in found:
        return _value(schema, name, found["anyOf"][0])
    if "enum" in found:
        return found["enum"][0]
    kind = found.get("type")
    plain: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return plain[kind] if kind in plain else _SAMPLES.get(name, name.upper())
