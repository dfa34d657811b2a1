"""The file of a lab is changed while the lab runs: checked, written whole, followed."""

import asyncio
import contextlib
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import filelock

from affinity.errors import BadConfiguration
from lab.applying import Follower, apply
from lab.configuration import Loaded, NoConfiguration, with_text
from lab.editing.text import edited_text
from lab.editing.values import words_of
from lab.findings import Located, findings_of, lint_of
from lab.following import SETTLED, changed
from mail.errors import EnvironmentFault, UserError, Where
from store.modules import WEB
from world.clock import Clock

WITHIN_S: Final = 10.0  # in which processes are to say what they make of it
_LOCK: Final = "configuration.lock"
_PATIENCE_S: Final = 10.0


class FindsErrors(UserError):
    """With this change the configuration could not work, for reasons that it has not now."""

    def __init__(self, found: list[Located], file: str) -> None:
        self.found = tuple(found)
        super().__init__(
            "; ".join(f"{each.finding.key}: {each.finding.what}" for each in found),
            where=Where(file),
            remedy=found[0].finding.remedy,
        )


class NotWritten(EnvironmentFault):
    """The file cannot be written now."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One key of the file before and after; None: it was not there, or is not any more."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed, what cannot work on this machine all the same, and who follows.

    ``restarts``: the page and API themselves start anew with it, and cannot see who follows.
    """

    edits: tuple[Edit, ...]
    errors: tuple[Located, ...]
    processes: tuple[Follower, ...]
    restarts: bool


def change(loaded: Loaded, wanted: Mapping[str, Any], clock: Clock) -> Changed:
    """Set keys of the file, or remove those whose value is None; all of it or nothing.

    Raises:
        NoSuchKey, NotWritable, BadConfiguration, FindsErrors: nothing was changed.
        NotWritten, NoConfiguration: nor was it, for want of a file that can be written.
    """
    with _alone(loaded):
        text = _text(loaded)
        try:
            now = edited_text(
                text,
                {key: value for key, value in wanted.items() if value is not None},
                tuple(key for key, value in wanted.items() if value is None),
            )
        except tomllib.TOMLDecodeError:
            with_text(loaded, text)  # says where and why it cannot be read
            raise
        after = with_text(loaded, now)
        _refuse_new_errors(loaded, text, after)
        if now != text:
            _write(loaded.path, now)
    restarts = bool(changed(SETTLED[WEB], loaded, after))
    within_s = 0.0 if restarts else WITHIN_S
    followers = asyncio.run(apply(replace(after, directory=loaded.directory), clock, within_s))
    before_values, values = tomllib.loads(text), tomllib.loads(now)
    edits = (Edit(key, _value(before_values, key), _value(values, key)) for key in wanted)
    errors = (each for each in findings_of(after) if each.severity == "error")
    return Changed(
        tuple(each for each in edits if each.before != each.after),
        tuple(errors),
        () if restarts else tuple(followers),
        restarts and bool(followers),
    )


@contextlib.contextmanager
def _alone(loaded: Loaded) -> Any:
    loaded.directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(loaded.directory / _LOCK, timeout=_PATIENCE_S)
    try:
        with lock:
            yield
    except filelock.Timeout:
        raise NotWritten(
            "somebody else is changing the configuration", remedy="Try again in a moment."
        ) from None


def _text(loaded: Loaded) -> str:
    try:
        return loaded.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoConfiguration(
            f"the configuration file {loaded.path.name} cannot be read: {error}",
            remedy="Make it a readable UTF-8 text file.",
        ) from error


def _refuse_new_errors(loaded: Loaded, text: str, after: Loaded) -> None:
    """Raises FindsErrors; one that was there before is no reason to refuse what is right."""
    try:
        known = {_name(each) for each in lint_of(with_text(loaded, text))}
    except BadConfiguration:
        known = set()
    new = [each for each in lint_of(after) if each.severity == "error" and _name(each) not in known]
    if new:
        raise FindsErrors(new, after.path.name)


def _name(found: Located) -> tuple[str, str, str]:
    return str(found.code), found.finding.key, found.finding.what


def _write(path: Path, text: str) -> None:
    """The file as a whole, or nothing of it."""
    place = path.resolve()  # where a link leads, so that it stays one
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=place.parent, prefix=f".{place.name}.", encoding="utf-8", delete=False
        ) as file:
            new = Path(file.name)
            file.write(text)
        new.chmod(place.stat().st_mode & 0o7777)
        new.replace(place)
    except OSError as error:
        raise NotWritten(
            f"{path.name} cannot be written: {error.strerror}",
            remedy="Make it and its folder writable for this user.",
        ) from error


def _value(values: Any, key: str) -> Any:
    here = values
    for word in words_of(key):
        if isinstance(here, list):
            if not word.isdecimal() or int(word) >= len(here):
                return None
            here = here[int(word)]
        elif isinstance(here, dict) and word in here:
            here = here[word]
        else:
            return None
    return here
