"""Bounce rules as their files hold them: what each key may say, and what belongs together.

The head of ``bounce_rules.toml`` describes each key.
"""

import importlib.resources
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from affinity.configuration import Table
from affinity.errors import BadConfiguration
from affinity.read_toml import read
from mail.cause import Cause
from mail.outcome import Stage
from mail.reason import FailureType, Reason
from mta.errors import BadRules

RULES_FILE: Final = "bounce_rules.toml"

_REPLY: Final = re.compile(r"[45][0-9x][0-9x]")
_ENHANCED: Final = re.compile(r"([245x])\.([0-9]{1,3}|x)\.([0-9]{1,3}|x)")


def _reason(value: Any) -> Any:
    named = {each.label: each for each in Reason}
    if isinstance(value, str) and value in named:
        return named[value]
    raise ValueError("expected one of " + ", ".join(named))


# What a deferred message may be said to wait for.
_WAITS_FOR: Final = (
    Cause.RETRY_LATER,
    Cause.GREYLISTED,
    Cause.DESTINATION_UNREACHABLE,
    Cause.TLS_REQUIRED_NOT_OFFERED,
    Cause.NO_MX,
    Cause.MESSAGE_TOO_LARGE,
)


def _cause(value: Any) -> Any:
    if value in _WAITS_FOR:
        return Cause(value)
    raise ValueError("expected one of " + ", ".join(_WAITS_FOR))


def _pattern_of_reply(value: str) -> str:
    if _REPLY.fullmatch(value) is None:
        raise ValueError("expected a reply code such as 550, 55x or 4xx")
    return value


def _pattern_of_enhanced(value: str) -> str:
    if _ENHANCED.fullmatch(value) is None:
        raise ValueError("expected an enhanced code such as 5.1.1 or x.7.x")
    return value


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


_ReasonName = Annotated[Reason, BeforeValidator(_reason)]
_Waits = Annotated[Cause, BeforeValidator(_cause)]
_ReplyPattern = Annotated[str, AfterValidator(_pattern_of_reply)]
_EnhancedPattern = Annotated[str, AfterValidator(_pattern_of_enhanced)]
_Expression = Annotated[str, Field(min_length=1), AfterValidator(_expression)]


class Judgement(Table):
    """What a failure means."""

    failure: FailureType
    reason: _ReasonName
    cause: _Waits = Cause.RETRY_LATER


class BrokenRule(Judgement):
    """A rule about attempts that no reply ended."""

    name: str = Field(min_length=1)
    stage: tuple[Stage, ...] = ()
    text: _Expression | None = None
    retry: bool = True


class ReplyRule(Judgement):
    """A rule about replies; all its conditions must hold."""

    name: str = Field(min_length=1)
    code: tuple[_ReplyPattern, ...] = ()
    enhanced: tuple[_EnhancedPattern, ...] = ()
    stage: tuple[Stage, ...] = ()
    text: _Expression | None = None
    attempts_max: int | None = Field(default=None, ge=1)
    retry: bool = False

    @model_validator(mode="after")
    def _means_something(self) -> "ReplyRule":
        if not (self.code or self.enhanced or self.stage or self.text):
            raise ValueError("expected code, enhanced, stage or text: the rule asks for nothing")
        if self.retry and self.failure is FailureType.HARD:
            raise ValueError("a hard failure is never tried again: leave out retry")
        return self


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ValueError(f"each rule needs a name of its own, but two are {twice[0]!r}")


class Rules(Table):
    """The whole file."""

    rule: tuple[ReplyRule, ...]
    broken: tuple[BrokenRule, ...]
    unknown: Judgement
    nonsense: Judgement

    @model_validator(mode="after")
    def _names_differ(self) -> "Rules":
        _check_names([*(each.name for each in self.rule), *(each.name for each in self.broken)])
        return self


class OwnRules(Table):
    """The file of a lab's own rules: they are asked before those that come with the program."""

    rule: tuple[ReplyRule, ...] = ()
    broken: tuple[BrokenRule, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "OwnRules":
        _check_names([*(each.name for each in self.rule), *(each.name for each in self.broken)])
        return self


_Kind = TypeVar("_Kind", Rules, OwnRules)


def packaged_text() -> str:
    """The rules that come with the program."""
    return importlib.resources.files("mta").joinpath(RULES_FILE).read_text(encoding="utf-8")


def joined(own: OwnRules, rules: Rules) -> Rules:
    """A lab's own rules before the others.

    Raises:
        BadRules: two have the same name.
    """
    names = {each.name for each in rules.rule} | {each.name for each in rules.broken}
    taken = [each.name for each in own.rule if each.name in names]
    taken += [each.name for each in own.broken if each.name in names]
    if taken:
        raise BadRules(
            f"a rule of this lab is named {taken[0]!r}, like one that comes with the program",
            remedy="Give it a name of its own.",
        )
    return rules.model_copy(
        update={"rule": own.rule + rules.rule, "broken": own.broken + rules.broken}
    )


def read_rules(text: str, file: str, kind: type[_Kind]) -> _Kind:
    """Rules of this kind from a file's text.

    Raises:
        BadRules: they are none.
    """
    try:
        return read(text, file, kind)
    except BadConfiguration as error:
        raise BadRules(
            "\n".join(str(each) for each in error.mistakes),
            remedy=f"The head of the packaged {RULES_FILE} describes each key.",
        ) from error
