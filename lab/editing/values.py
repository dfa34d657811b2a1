"""A configuration edited by dotted keys; pure."""

import copy
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from mail.errors import UserError

_WORD: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_QUOTED: Final = re.compile(rf"{_WORD}(?:\.{_WORD})*")


class NoSuchKey(UserError):
    """An edit names a place that the configuration does not have."""


def edited(
    topology: Mapping[str, Any], changes: Mapping[str, Any], removals: tuple[str, ...]
) -> dict[str, Any]:
    """The topology with keys set and removed; elements of lists are named by their number.

    Raises:
        NoSuchKey: what is to be removed is not there, or a way leads through a plain value.
    """
    found = copy.deepcopy(dict(topology))
    for key, value in changes.items():
        *way, last = words_of(key)
        table = _table(found, way, key, is_made=True)
        if isinstance(table, list):
            table[_index(table, last, key)] = copy.deepcopy(value)
        else:
            table[last] = copy.deepcopy(value)
    for key in removals:
        *way, last = words_of(key)
        table = _table(found, way, key, is_made=False)
        if isinstance(table, list):
            del table[_index(table, last, key)]
        elif last in table:
            del table[last]
        else:
            raise _missing(key)
    return found


def words_of(key: str) -> list[str]:
    """The words of a dotted key; those with dots of their own are quoted as in TOML.

    Raises:
        NoSuchKey: it is not a key.
    """
    words = key.split(".")
    if '"' in key or "'" in key:
        if _QUOTED.fullmatch(key) is None:
            raise _missing(key)
        try:
            inner: Any = tomllib.loads(f"{key} = 0")
        except tomllib.TOMLDecodeError:
            raise _missing(key) from None
        words = []
        while isinstance(inner, dict):
            if len(inner) != 1:
                raise _missing(key)
            ((word, inner),) = inner.items()
            words.append(word)
    if not all(words):
        raise _missing(key)
    return words


def _table(here: Any, way: list[str], key: str, *, is_made: bool) -> Any:
    for word in way:
        if isinstance(here, list):
            here = here[_index(here, word, key)]
        elif word in here:
            here = here[word]
        elif is_made:
            here = here.setdefault(word, {})
        else:
            raise _missing(key)
        if not isinstance(here, dict | list):
            raise _missing(key)
    return here


def _index(here: list[Any], word: str, key: str) -> int:
    if word.isdecimal() and int(word) < len(here):
        return int(word)
    raise _missing(key)


def _missing(key: str) -> NoSuchKey:
    return NoSuchKey(
        f"the configuration has no place {key!r}",
        remedy="Name it as it stands in mtalab.toml: affinity.promo.ip.0.weight.",
    )
