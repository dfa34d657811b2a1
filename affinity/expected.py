"""What was expected in the place of a wrong value, in the words of a TOML file."""

import difflib
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from affinity.key_path import KeyPath

# By pydantic's error types; the names in braces are of its context.
_EXPECTED: Final = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "date_from_datetime_inexact": "a date such as 2026-12-01",
    "date_from_datetime_parsing": "a date such as 2026-12-01",
    "date_parsing": "a date such as 2026-12-01",
    "date_type": "a date such as 2026-12-01",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "list_type": "a list in square brackets",
    "literal_error": "{expected}",
    "model_attributes_type": "a table",
    "model_type": "a table",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "string_too_short": "a longer text",
    "string_type": "a text in quotes",
    "too_short": "a list with at least {min_length}",
    "tuple_type": "a list in square brackets",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'promo'?``, or nothing."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def wrong(error: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> str:
    """What is wrong with the value, or the key, at this place."""
    table = _fields(model, path[:-1])
    if error["type"] == "extra_forbidden":
        hint = nearest(str(path[-1]), table) or f"; known here: {', '.join(sorted(table))}"
        return f"unknown key{hint}"
    if error["type"] == "missing":
        description = table.get(str(path[-1]), "")
        return f"is required: {description}" if description else "is required"
    expected = _EXPECTED.get(error["type"])
    if expected is not None:
        return f"expected {expected.format(**error.get('ctx', {}))}, got {_shown(error['input'])}"
    # One of our own validators has spoken.
    said = error["msg"].removeprefix("Value error, ")
    if isinstance(error["input"], dict | list | tuple) or repr(error["input"]) in said:
        return said
    return f"{said}, got {_shown(error['input'])}"


def _shown(value: Any) -> str:
    """A value as it stands in TOML, or what kind of value it is."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f"{value!r}"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)


def _fields(model: type[BaseModel], path: KeyPath) -> dict[str, str]:
    """The keys that a table may have, with their descriptions; empty where there is no table."""
    found: list[Any] = [model]
    for key in path:
        found = [inner for each in found for inner in _within(each, key)]
    return {
        name: field.description or ""
        for each in found
        for table in _members(each)
        if isinstance(table, type) and issubclass(table, BaseModel)
        for name, field in table.model_fields.items()
    }


def _within(annotation: Any, key: str | int) -> Iterator[Any]:
    """The types that a value may have which stands under a key of this type."""
    for each in _members(annotation):
        origin = get_origin(each)
        if isinstance(each, type) and issubclass(each, BaseModel):
            if key in each.model_fields:
                yield each.model_fields[str(key)].annotation
        elif origin is dict:
            yield get_args(each)[1]
        elif origin in {tuple, list}:
            yield get_args(each)[0]


def _members(annotation: Any) -> Iterator[Any]:
    """The type itself, or those that a union or an annotated type is made of."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for each in get_args(annotation):
            yield from _members(each)
    else:
        yield annotation
