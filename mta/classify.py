"""Judges answers: enhanced code, text, reply code, by rules kept in a data file.

The rules say what a failure means; three things they cannot change: a positive reply never fails a
message, a temporary one (4xx) never ends it and quarantines nobody, and what no rule knows is
``undefined``, not guessed.
"""

import importlib.resources
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from affinity.configuration import Table
from affinity.errors import BadConfiguration
from affinity.read_toml import read
from mail.cause import Cause
from mail.outcome import Accepted, Answer, Broken, Rejected, Stage, Verdict
from mail.reason import FailureType, Reason
from mail.reply import EnhancedCode, Reply
from mail.states import MessageEvent
from mta.errors import BadRules

TEXT_MAX: Final = 500  # characters of a verdict's text; enough for what servers say
RULES_FILE: Final = "bounce_rules.toml"

_REPLY: Final = re.compile(r"[45][0-9x][0-9x]")
_ENHANCED: Final = re.compile(r"([245x])\.([0-9]{1,3}|x)\.([0-9]{1,3}|x)")
# White space, controls and halves of surrogates, none of which may reach a log line.
_UNPRINTABLE: Final = re.compile("[\\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


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
_Search = Callable[[str], object]  # truthy if the text is what the rule is about


class Classifier:
    """Turns answers into verdicts."""

    def __init__(self, text: str, file: str = RULES_FILE, own: OwnRules | None = None) -> None:
        """Read the rules; ``file`` is their name in errors, ``own`` are asked first.

        Raises:
            BadRules: they are no rules, or one of ``own`` is named like one of them.
        """
        self._rules = _read(text, file, Rules)
        if own is not None:
            self._rules = _joined(own, self._rules)
        self._replies = tuple(
            (each, _matcher(each.code), _matcher(each.enhanced), _search(each.text))
            for each in self._rules.rule
        )
        self._breaks = tuple((each, _search(each.text)) for each in self._rules.broken)
        # Servers repeat themselves, and a rule is a search through the text.
        self._judged = lru_cache(maxsize=4096)(self._judge_reply)
        # Servers use few codes: what is left for each reply is its text.
        self._fitting = lru_cache(maxsize=1024)(self._find_fitting)

    @classmethod
    @cache
    def packaged(cls) -> "Classifier":
        """The one with the rules that come with the program; it remembers nothing but answers."""
        return cls(_packaged_text())

    @classmethod
    @lru_cache(maxsize=4)
    def with_own(cls, text: str, file: str) -> "Classifier":
        """The packaged one with a lab's own rules before its own.

        Raises:
            BadRules: they are no rules, or one is named like a packaged one.
        """
        if not text.strip():
            return cls.packaged()
        return cls(_packaged_text(), own=_read(text, file, OwnRules))

    def rule_named(self, name: str) -> ReplyRule | BrokenRule | None:
        """A rule by its name; None for the judgements of what no rule knows."""
        rules: tuple[ReplyRule | BrokenRule, ...] = (*self._rules.rule, *self._rules.broken)
        return next((each for each in rules if each.name == name), None)

    def classify(self, answer: Answer, attempts: int) -> Verdict:
        """Judge one answer; ``attempts`` counts the attempts up to and with this one."""
        if isinstance(answer, Rejected):
            return self._judged(answer, attempts)
        if isinstance(answer, Broken):
            return self._judge_broken(answer)
        return _accepted(answer)

    def _judge_reply(self, answer: Rejected, attempts: int) -> Verdict:
        reply, text = answer.reply, _one_line(answer.reply.text)
        if not (reply.is_transient or reply.is_permanent):
            return _failed(self._rules.nonsense, text, reply, rule="nonsense", is_final=False)
        for rule, search in self._fitting(reply.code, reply.enhanced, answer.stage):
            is_early = rule.attempts_max is None or attempts <= rule.attempts_max
            if is_early and search(text):
                is_final = reply.is_permanent and not rule.retry
                return _failed(rule, text, reply, rule=rule.name, is_final=is_final)
        unknown = self._rules.unknown
        return _failed(unknown, text, reply, rule="unknown", is_final=reply.is_permanent)

    def _find_fitting(
        self, code: int, enhanced: EnhancedCode | None, stage: Stage
    ) -> tuple[tuple[ReplyRule, _Search], ...]:
        """The rules that hold for a reply but for its text, in their order."""
        given = "" if enhanced is None else str(enhanced)
        return tuple(
            (rule, search)
            for rule, is_code, is_enhanced, search in self._replies
            if is_code(str(code)) and is_enhanced(given) and (not rule.stage or stage in rule.stage)
        )

    def _judge_broken(self, answer: Broken) -> Verdict:
        text = _one_line(answer.error)
        judgement: Judgement = self._rules.unknown
        name, is_final = "unknown", False
        for rule, search in self._breaks:
            if (not rule.stage or answer.stage in rule.stage) and search(text):
                judgement, name, is_final = rule, rule.name, not rule.retry
                break
        if answer.is_doubtful:
            # The message may have arrived, so this attempt cannot be the one that failed it.
            is_final = False
            text = _cut(f"the reply to the whole message was not read, it may have arrived: {text}")
        return _failed(judgement, text, None, rule=name, is_final=is_final)


def _packaged_text() -> str:
    return importlib.resources.files("mta").joinpath(RULES_FILE).read_text(encoding="utf-8")


def _joined(own: OwnRules, rules: Rules) -> Rules:
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


def _read(text: str, file: str, kind: type[_Kind]) -> _Kind:
    try:
        return read(text, file, kind)
    except BadConfiguration as error:
        raise BadRules(
            "\n".join(str(each) for each in error.mistakes),
            remedy=f"The head of the packaged {RULES_FILE} describes each key.",
        ) from error


def _matcher(patterns: Sequence[str]) -> _Search:
    """Whether a code is one of the patterns, in which x stands for any number; none: any code."""
    if not patterns:
        return lambda _: True
    is_enhanced = "." in patterns[0]
    some = "[0-9]+" if is_enhanced else "[0-9]"
    return re.compile(
        "|".join(each.replace(".", r"\.").replace("x", some) for each in patterns)
    ).fullmatch


def _search(expression: str | None) -> _Search:
    return (lambda _: True) if expression is None else re.compile(expression, re.IGNORECASE).search


def _accepted(answer: Accepted) -> Verdict:
    reply = answer.reply
    enhanced = reply.enhanced
    return Verdict(
        MessageEvent.ACCEPTED,
        None,
        None,
        _one_line(reply.text),
        reply.code,
        None if enhanced is None else str(enhanced),
    )


def _failed(
    judgement: Judgement, text: str, reply: Reply | None, *, rule: str, is_final: bool
) -> Verdict:
    failure = judgement.failure
    if not is_final and failure is FailureType.HARD:
        failure = FailureType.SOFT  # what may change quarantines nobody
    enhanced = None if reply is None else reply.enhanced
    return Verdict(
        MessageEvent.REFUSED if is_final else MessageEvent.DEFERRED,
        failure,
        judgement.reason,
        text,
        None if reply is None else reply.code,
        None if enhanced is None else str(enhanced),
        rule,
        None if is_final else judgement.cause,
    )


def _one_line(text: str) -> str:
    if text.isprintable() and "  " not in text:  # of white space that is the space alone
        return _cut(text.strip(" "))
    return _cut(_UNPRINTABLE.sub(" ", text).strip())


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
