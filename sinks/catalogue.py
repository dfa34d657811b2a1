"""Personalities by name: the built-in ones and the user's own, which come first."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mail.errors import Where
from sinks.errors import BadWord, PersonalityLoop, UnknownPersonality
from sinks.settings import Personality

_PERSONALITIES: Final = TypeAdapter(dict[str, Personality])


@cache
def built_in_personalities() -> Mapping[str, Personality]:
    """The personalities that need no definition."""
    text = files("sinks").joinpath("personalities.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    return MappingProxyType({name: Personality(**table) for name, table in tables.items()})


def personalities_from(tables: Any) -> dict[str, Personality]:
    """``[personality.NAME]`` tables as values.

    Raises:
        BadWord: they are not what a personality may be.
    """
    try:
        return _PERSONALITIES.validate_python(tables)
    except ValidationError as error:
        raise BadWord(f"these are no personalities: {error}") from error


def personality_named(
    name: str, own: Mapping[str, Personality], where: Where | None = None
) -> Personality:
    """The personality of this name with all that it extends folded in.

    A personality may extend the built-in one that it replaces.

    Args:
        name: what a sink asks for.
        own: the user's ``[personality.NAME]`` tables.
        where: the place that names it, for the error.

    Raises:
        UnknownPersonality: nobody defined it, or one that it extends.
        PersonalityLoop: it extends itself.
    """
    return _resolve(name, own, (), where)


def _resolve(
    name: str, own: Mapping[str, Personality], seen: tuple[str, ...], where: Where | None
) -> Personality:
    built_in = built_in_personalities()
    if name in seen:
        found = built_in.get(name) if name == seen[-1] else None
        if found is None:
            raise PersonalityLoop(
                f"personality {name!r} extends itself: {' → '.join([*seen, name])}",
                where=where,
                remedy="Let one of them extend nothing.",
            )
    else:
        found = own.get(name) or built_in.get(name)
    if found is None:
        raise _unknown(name, own, where)
    if found.extends is None:
        return found
    here = Where(file=where.file if where is not None else None, key=f"personality.{name}.extends")
    return _fold(_resolve(found.extends, own, (*seen, name), here), found)


def _fold(base: Personality, over: Personality) -> Personality:
    """``base`` with the keys that ``over`` was given."""
    given = {key: getattr(over, key) for key in over.model_fields_set}
    return base.model_copy(update=given)


def _unknown(name: str, own: Mapping[str, Personality], where: Where | None) -> UnknownPersonality:
    known = sorted({*own, *built_in_personalities()})
    near = get_close_matches(name, known, n=1)
    return UnknownPersonality(
        f"there is no personality {name!r}",
        where=where,
        remedy=f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}.",
    )
