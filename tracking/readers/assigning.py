"""Which persona reads whose mail: of seed and address alone."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mail.errors import Where
from tracking.readers.errors import UnknownPersona
from tracking.readers.settings import Reader
from world.chance import SeededChance

_WILD: Final = {"*": ".*", "?": "."}


class Persona(NamedTuple):
    """A reader by name, with all that it is like folded in."""

    name: str
    reader: Reader


@cache
def built_in_personas() -> Mapping[str, Reader]:
    """The personas that need no definition."""
    text = files("tracking.readers").joinpath("personas.toml").read_text("utf-8")
    found = {name: Reader.model_validate(each) for name, each in tomllib.loads(text).items()}
    return MappingProxyType(found)


def personas(readers: Mapping[str, Reader]) -> tuple[Persona, ...]:
    """The configured readers in the order of the file.

    Raises:
        UnknownPersona: one is like nobody that there is.
    """
    return tuple(Persona(name, _folded(name, each)) for name, each in readers.items())


def _folded(name: str, reader: Reader) -> Reader:
    if reader.like is None:
        return reader
    known = built_in_personas()
    if reader.like not in known:
        near = get_close_matches(reader.like, known, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise UnknownPersona(
            f"there is no built-in persona {reader.like!r}",
            where=Where(key=f"reader.{name}.like"),
            remedy=f"{hint}`mtalab readers list` shows them.",
        )
    given: dict[str, Any] = {each: getattr(reader, each) for each in reader.model_fields_set}
    return known[reader.like].model_copy(update=given)


def persona_of(these: tuple[Persona, ...], seed: int, address: str) -> Persona | None:
    """Who reads the mail to this address; None: nobody."""
    draw = SeededChance(f"{seed}/who/{address}").random()
    taken = 0.0
    for each in these:
        if not is_named(each.reader.recipients or ("*",), address):
            continue
        if each.reader.share is None:
            return each
        taken += each.reader.share
        if draw < taken:
            return each
    return None


def is_named(masks: tuple[str, ...], text: str) -> bool:
    """Whether any mask names the text: ``*`` and ``?`` are wild, case does not count."""
    return _pattern(masks).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _pattern(masks: tuple[str, ...]) -> re.Pattern[str]:
    parts = ["".join(_WILD.get(each, re.escape(each)) for each in mask) for mask in masks]
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL)
