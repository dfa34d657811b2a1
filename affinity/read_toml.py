"""From the text of a configuration file to its values, or to all its mistakes at once."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, get_args

import pydantic
from pydantic import BaseModel

from affinity.errors import BadConfiguration, Mistake
from affinity.toml_lines import KeyPath, lines_of

Model = TypeVar("Model", bound=BaseModel)

PREFIX: Final = "MTALAB_"
_NOT_KEYS: Final = frozenset({"MTALAB_CONFIG"})
_SYNTAX_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")


def read(
    text: str, file: str, model: type[Model], overrides: Mapping[str, str] | None = None
) -> Model:
    """Validate a configuration.

    Args:
        text: the file's content.
        file: its name, for messages.
        model: what it must be.
        overrides: dotted key → text, from the environment or from flags; they win.

    Raises:
        BadConfiguration: with every mistake that could be found, each with its place.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration([_syntax(error, text, file)]) from error
    given = dict(overrides or {})
    for key, value in given.items():
        _put(values, key.split("."), _guess(value))
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        lines = lines_of(text)
        raise BadConfiguration(
            [_mistake(each, file, lines, model, given) for each in error.errors()]
        ) from error


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """``MTALAB_LAB__STORE=x`` → ``{"lab.store": "x"}``."""
    return {
        name.removeprefix(PREFIX).lower().replace("__", "."): value
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX) and name not in _NOT_KEYS
    }


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str) -> Mistake:
    found = _SYNTAX_LINE.search(str(error))
    line = text.count("\n") + 1
    if found is not None and found[1] is not None:
        line = int(found[1])
    what = _SYNTAX_LINE.sub("", str(error)).strip()
    return Mistake(file, line, "", f"not valid TOML: {what[:1].lower()}{what[1:]}")


def _put(values: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        inner = values.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        values = inner
    values[path[-1]] = value


def _guess(text: str) -> Any:
    """A list or a table may be given in TOML; anything else is a string, which pydantic reads."""
    if text[:1] in {"[", "{"}:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _mistake(
    error: Any,
    file: str,
    lines: Mapping[KeyPath, int],
    model: type[BaseModel],
    overrides: Mapping[str, str],
) -> Mistake:
    path: KeyPath = tuple(error["loc"])
    key = _dotted(path)
    what = _what(error, path, model)
    for name in overrides:
        if key == name or key.startswith(f"{name}."):
            return Mistake(f"{PREFIX}{name.upper().replace('.', '__')}", None, key, what)
    return Mistake(file, _line(path, lines), key, what)


def _dotted(path: KeyPath) -> str:
    text = ""
    for each in path:
        text += f"[{each}]" if isinstance(each, int) else f".{each}" if text else each
    return text


def _line(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of the key, or of the nearest table around it that the file has."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _what(error: Any, path: KeyPath, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
        return f"unknown key{hint}"
    if kind == "missing":
        return "is required"
    message = str(error["msg"]).removeprefix("Value error, ")
    value = error.get("input")
    shown = "" if isinstance(value, dict | list | tuple) else f", got {value!r}"
    return f"{message[:1].lower()}{message[1:]}{shown}"


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    found: list[type[BaseModel]] = [model]
    for key in path:
        inner: list[type[BaseModel]] = []
        for each in found:
            if isinstance(key, str) and key in each.model_fields:
                inner.extend(_models(each.model_fields[key].annotation))
        found = inner or found  # an index, or a table's own name: the same model
    return sorted({name for each in found for name in each.model_fields})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)
