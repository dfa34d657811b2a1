"""Values of a TOML text set and removed; comments and all that is not meant stay as they are."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

import tomli_w
import tomlkit
from tomlkit.exceptions import TOMLKitError

from lab.editing.values import edited, words_of
from mail.errors import UserError, Where

_FAILURES: Final = (TOMLKitError, tomllib.TOMLDecodeError, ValueError, TypeError, LookupError)


class NotWritable(UserError):
    """A value that TOML cannot hold, or a place that cannot be edited as it is written."""


def edited_text(text: str, changes: Mapping[str, Any], removals: tuple[str, ...]) -> str:
    """The text with dotted keys set and removed.

    Raises:
        NoSuchKey: as ``edited``.
        NotWritable: a value cannot stand in the file, or the edit would change more than it says.
        tomllib.TOMLDecodeError: the text is no TOML.
    """
    for key, value in changes.items():
        _check(key, value)
    wanted = edited(tomllib.loads(text), changes, removals)
    for are_new_apart in (True, False):
        try:
            found = _written(text, changes, removals, are_new_apart=are_new_apart)
            if tomllib.loads(found) == wanted:
                return found
        except _FAILURES:
            continue
    raise NotWritable(
        "this cannot be done to the file as it is written",
        where=Where(key=next(iter([*changes, *removals]), None)),
        remedy="Edit it by hand, then `mtalab config apply`.",
    )


def _check(key: str, value: Any) -> None:
    if isinstance(value, dict):
        for name, each in value.items():
            _check(key, name)
            _check(key, each)
    elif isinstance(value, list):
        for each in value:
            _check(key, each)
    elif value is None or (isinstance(value, str) and not _is_whole(value)):
        raise NotWritable(
            "a value is null, or holds half a character",
            where=Where(key=key),
            remedy="null removes a key as a whole; within a value it means nothing.",
        )


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(
    text: str, changes: Mapping[str, Any], removals: tuple[str, ...], *, are_new_apart: bool
) -> str:
    """As tomlkit does it; new tables go to the end, where they part nobody from their comments."""
    document = tomlkit.parse(text)
    apart: list[str] = []
    for key, value in changes.items():
        words = words_of(key)
        if are_new_apart and _is_new_table(document, words, value):
            apart.append(tomli_w.dumps(_nested(words, value)))
        else:
            _put(document, words, value)
    for key in removals:
        *way, last = words_of(key)
        here = _at(document, way)
        del here[int(last) if isinstance(here, list) else last]
    found = tomlkit.dumps(document)
    return "\n".join([found.rstrip("\n") + "\n", *apart]) if apart else found


def _is_new_table(document: Any, words: list[str], value: Any) -> bool:
    here = document
    for place, word in enumerate(words):
        if isinstance(here, list):
            return False
        if word not in here:
            return place < len(words) - 1 or isinstance(value, dict)
        here = here[word]
    return False


def _nested(words: list[str], value: Any) -> dict[str, Any]:
    found = value
    for word in reversed(words):
        found = {word: found}
    assert isinstance(found, dict)
    return found


def _at(document: Any, way: list[str]) -> Any:
    here = document
    for word in way:
        here = here[int(word) if isinstance(here, list) else word]
    return here


def _put(document: Any, words: list[str], value: Any) -> None:
    here = document
    *way, last = words
    for word in way:
        if isinstance(here, list):
            here = here[int(word)]
        else:
            if word not in here:
                here[word] = tomlkit.table()
            here = here[word]
    here[int(last) if isinstance(here, list) else last] = value
