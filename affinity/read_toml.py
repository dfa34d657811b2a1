"""From the text of a configuration file to its values, or to all its mistakes at once."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

import pydantic
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from affinity.errors import BadConfiguration, Mistake
from affinity.expected import wrong
from affinity.key_path import KeyPath, dotted, nearest_line
from affinity.toml_lines import lines_of

Model = TypeVar("Model", bound=BaseModel)

PREFIX: Final = "MTALAB_"
# They name the file, a child's parent (lab/lifetime.py), a point to crash at (world/crash.py), and
# the program for tests (mtalab_pytest).
_NOT_KEYS: Final = frozenset(
    {
        "MTALAB_BIN",
        "MTALAB_CONFIG",
        "MTALAB_CRASH_AT",
        "MTALAB_CRASH_BY",
        "MTALAB_MEASURE",
        "MTALAB_PARENT",
    }
)
_SYNTAX_LINE: Final = re.compile(r" *\((?:at line (\d+), column \d+|at end of document)\)")


def variable(key: str) -> str:
    """``lab.store`` → ``MTALAB_LAB__STORE``: the environment variable that sets a key."""
    return f"{PREFIX}{key.upper().replace('.', '__')}"


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings among the variables: ``MTALAB_LAB__STORE=x`` → ``{"lab.store": "x"}``."""
    return {
        name[len(PREFIX) :].lower().replace("__", "."): value
        for name, value in sorted(environ.items())
        if name.upper().startswith(PREFIX) and name.upper() not in _NOT_KEYS
    }


def read(
    text: str,
    file: str,
    model: type[Model],
    overrides: Mapping[str, str] | None = None,
    named: Callable[[str], str] = variable,
) -> Model:
    """Validate a configuration.

    Args:
        text: the file's content.
        file: its name, for messages.
        model: what it must be.
        overrides: dotted key → text, from the environment or from flags; they win over the file.
            Case does not count, nor whether - or _ is written. A list or a table is given in TOML.
        named: key of an override → what to call it in messages.

    Raises:
        BadConfiguration: with every mistake that could be found, each with its place.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration([_syntax(error, text, file)]) from error
    reading = _Reading(text, file, model, values)
    for key, value in (overrides or {}).items():
        reading.override(key, value, named(key))
    return _validated(reading, values, model)


def read_values(values: Mapping[str, Any], name: str, model: type[Model]) -> Model:
    """Validate what a program gives: the values themselves instead of a text with them.

    Raises:
        BadConfiguration: as ``read`` does; no mistake has a line.
    """
    given = dict(values)
    return _validated(_Reading("", name, model, given), given, model)


def _validated(reading: "_Reading", values: dict[str, Any], model: type[Model]) -> Model:
    try:
        found = model.model_validate(values)
    except pydantic.ValidationError as error:
        reading.note(error.errors())
        raise BadConfiguration(reading.all_mistakes()) from error
    if reading.all_mistakes():
        raise BadConfiguration(reading.all_mistakes())
    return found


class _Reading:
    """One text on its way: the values so far, where they came from, the mistakes found."""

    def __init__(
        self, text: str, file: str, model: type[BaseModel], values: dict[str, Any]
    ) -> None:
        self._file, self._model, self._values, self._text = file, model, values, text
        self._overridden: dict[KeyPath, str] = {}
        self._mistakes: list[Mistake] = []

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        """Found out for mistakes alone: it takes longer than all the rest."""
        return lines_of(self._text)

    def override(self, key: str, text: str, name: str) -> None:
        """Put a value from elsewhere in its place, where there is one."""
        here: Any = self._values
        path: KeyPath = ()
        *outer, last = key.split(".")
        for word in outer:
            found = _place(here, word)
            if found is None:
                break
            if isinstance(here, dict):
                here.setdefault(found, {})
            here, path = here[found], (*path, found)
        found = _place(here, last) if len(path) == len(outer) else None
        if found is None:
            self._mistakes.append(
                Mistake(name, None, key, f"there is no such place in {self._file}")
            )
            return
        here[found] = _value(text)
        self._overridden[*path, found] = name

    def note(self, errors: list[ErrorDetails]) -> None:
        for error in errors:
            if _is_consequence(error):
                continue
            path = tuple(_known_part(self._values, error))
            what = wrong(error, path, self._model)
            name = self._overridden_by(path, is_missing=error["type"] == "missing")
            if name is None:
                self._mistakes.append(
                    Mistake(self._file, nearest_line(self._lines, path), dotted(path), what)
                )
            else:
                self._mistakes.append(Mistake(name, None, dotted(path), what))

    def all_mistakes(self) -> list[Mistake]:
        """In the order of the file, then what came from elsewhere."""
        unique = dict.fromkeys(self._mistakes)
        return sorted(unique, key=lambda each: (each.file != self._file, each.line or 0, each.key))

    def _overridden_by(self, path: KeyPath, *, is_missing: bool) -> str | None:
        # What the file does not have is there only because of what was put into it.
        outermost = path[:-1] if is_missing else path
        is_new = outermost != () and outermost not in self._lines
        for placed, name in self._overridden.items():
            is_within = path[: len(placed)] == placed
            if is_within or (is_new and placed[: len(outermost)] == outermost):
                return name
        return None


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str) -> Mistake:
    found = _SYNTAX_LINE.search(str(error))
    at_line = None if found is None else found[1]
    line = text.count("\n") + 1 if at_line is None else int(at_line)
    what = _SYNTAX_LINE.sub("", str(error))
    return Mistake(file, line, "", f"not valid TOML: {what[:1].lower()}{what[1:]}")


def _is_consequence(error: ErrorDetails) -> bool:
    """A list is also said to be too short when elements of it are wrong."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _place(here: Any, word: str) -> str | int | None:
    """The key of a table, or the index of a list, that a word of an override means."""
    if isinstance(here, list):
        return int(word) if word.isdecimal() and int(word) < len(here) else None
    if not isinstance(here, dict):
        return None
    plain = _plain(word)
    return next((key for key in here if _plain(key) == plain), word)


def _plain(word: str) -> str:
    return word.casefold().replace("-", "_")


def _value(text: str) -> Any:
    """A list or a table in TOML, or the text, from which pydantic reads numbers and the like."""
    if text[:1] in {"[", "{"}:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text  # such as [::1]:2525; if a list was meant, the validation says so
    return text


def _known_part(values: Any, error: ErrorDetails) -> Iterator[str | int]:
    """The place of an error without pydantic's own words in it, such as which union was tried."""
    here = values
    for each in error["loc"]:
        is_there = each in here if isinstance(here, dict) else isinstance(each, int)
        if is_there and isinstance(here, dict | list):
            here = here[each]  # type: ignore[index]
            yield each
    if error["type"] == "missing":
        yield error["loc"][-1]
