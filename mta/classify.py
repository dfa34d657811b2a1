"""Judges answers: enhanced code, text, reply code, by rules kept in a data file.

The rules say what a failure means; three things they cannot change: a positive reply never fails a
message, a temporary one (4xx) never ends it and quarantines nobody, and what no rule knows is
``undefined``, not guessed.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Final

from mail.outcome import Accepted, Answer, Broken, Rejected, Stage, Verdict
from mail.reason import FailureType
from mail.reply import EnhancedCode, Reply
from mail.states import MessageEvent
from mta.bounce_rules import (
    RULES_FILE,
    BrokenRule,
    Judgement,
    OwnRules,
    ReplyRule,
    Rules,
    joined,
    packaged_text,
    read_rules,
)

TEXT_MAX: Final = 500  # characters of a verdict's text; enough for what servers say

# White space, controls and halves of surrogates, none of which may reach a log line.
_UNPRINTABLE: Final = re.compile("[\\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


_Search = Callable[[str], object]  # truthy if the text is what the rule is about


class Classifier:
    """Turns answers into verdicts."""

    def __init__(self, text: str, file: str = RULES_FILE, own: OwnRules | None = None) -> None:
        """Read the rules; ``file`` is their name in errors, ``own`` are asked first.

        Raises:
            BadRules: they are no rules, or one of ``own`` is named like one of them.
        """
        self._rules = read_rules(text, file, Rules)
        if own is not None:
            self._rules = joined(own, self._rules)
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
        return cls(packaged_text())

    @classmethod
    @lru_cache(maxsize=4)
    def with_own(cls, text: str, file: str) -> "Classifier":
        """The packaged one with a lab's own rules before its own.

        Raises:
            BadRules: they are no rules, or one is named like a packaged one.
        """
        if not text.strip():
            return cls.packaged()
        return cls(packaged_text(), own=read_rules(text, file, OwnRules))

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
