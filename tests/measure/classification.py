"""How well replies are classified: ``python -m tests.measure.classification [--errors]``.

The texts and their labels are other people's (``tests/data/NOTICE.md``). Half of them, chosen by
a digest of the text, were looked at when the rules were made; what is reported is the other half.
``--errors`` prints the wrong ones of the first half, and never those of the other.
"""

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mail.outcome import Rejected, Stage
from mail.reason import FailureType, Reason
from mail.reply import Reply
from mta.classify import Classifier

DATA: Final = Path(__file__).parents[1] / "data" / "bounce_texts.tsv"

# What each of Sisimai's reasons is called here; the first is its name, the others are as right.
LABELS: Final[Mapping[str, tuple[Reason, ...]]] = MappingProxyType(
    {
        "userunknown": (Reason.USER_UNKNOWN,),
        "hasmoved": (Reason.USER_UNKNOWN,),
        "hostunknown": (Reason.INVALID_DOMAIN,),
        "notaccept": (Reason.INVALID_DOMAIN,),
        "mailboxfull": (Reason.MAILBOX_FULL,),
        "suspend": (Reason.ACCOUNT_DISABLED,),
        "mesgtoobig": (Reason.MESSAGE_TOO_LARGE,),
        "exceedlimit": (Reason.MESSAGE_TOO_LARGE,),
        "speeding": (Reason.THROTTLED,),
        "toomanyconn": (Reason.THROTTLED,),
        "authfailure": (Reason.REFUSED,),
        "badreputation": (Reason.REFUSED,),
        "blocked": (Reason.REFUSED,),
        "contenterror": (Reason.REFUSED, Reason.PROTOCOL),
        "filtered": (Reason.REFUSED, Reason.USER_UNKNOWN),
        "norelaying": (Reason.REFUSED,),
        "notcompliantrfc": (Reason.REFUSED, Reason.PROTOCOL),
        "policyviolation": (Reason.REFUSED,),
        "rejected": (Reason.REFUSED,),
        "requireptr": (Reason.REFUSED,),
        "spamdetected": (Reason.REFUSED,),
        "virusdetected": (Reason.REFUSED,),
        "securityerror": (Reason.AUTH_FAILED, Reason.TLS_FAILED),
        "failedstarttls": (Reason.TLS_FAILED,),
        "syntaxerror": (Reason.PROTOCOL,),
        "expired": (Reason.UNREACHABLE,),
        "mailererror": (Reason.UNREACHABLE,),
        "networkerror": (Reason.UNREACHABLE,),
        "systemerror": (Reason.UNREACHABLE,),
        "systemfull": (Reason.UNREACHABLE,),
    }
)
_STAGES: Final = (
    ("in reply to mail from", Stage.MAIL),
    ("in reply to end of data", Stage.BODY),
    ("data command", Stage.BODY),
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A reply and what it means to those who labelled it."""

    label: str
    reply: Reply
    is_held_out: bool

    @property
    def stage(self) -> Stage:
        said = self.reply.text.lower()
        return next((stage for words, stage in _STAGES if words in said), Stage.RCPT)


@dataclass(frozen=True, slots=True)
class Score:
    """Of one reason: how many there are, were found, and were found rightly."""

    there: int
    found: int
    right: int

    @property
    def precision(self) -> float | None:
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        return self.right / self.there if self.there else None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rules made of some replies."""

    scores: Mapping[Reason, Score]
    wrong: Sequence[tuple[Labelled, Reason, str]]
    wrongly_hard: int  # would quarantine an address that is not to blame
    texts: int

    @property
    def share_right(self) -> float:
        return 1 - len(self.wrong) / self.texts


def labelled() -> list[Labelled]:
    """All of the file."""
    with DATA.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Labelled(
            row["label"],
            Reply(int(row["reply"][:3]), row["reply"][4:]),
            hashlib.sha256(row["reply"].encode()).digest()[0] % 2 == 1,
        )
        for row in rows
    ]


def measure(texts: Sequence[Labelled], classifier: Classifier | None = None) -> Measured:
    """Judge each text as the first attempt's reply."""
    judge = classifier or Classifier.packaged()
    there, found, right = Counter[Reason](), Counter[Reason](), Counter[Reason]()
    wrong, hard = [], 0
    for each in texts:
        verdict = judge.classify(Rejected(each.reply, each.stage), 1)
        meant, said = LABELS[each.label], verdict.reason or Reason.NOT_DEFINED
        is_right = said in meant
        there[said if is_right else meant[0]] += 1
        found[said] += 1
        right[said] += is_right
        if not is_right:
            wrong.append((each, said, verdict.rule))
        to_blame = {Reason.USER_UNKNOWN, Reason.ACCOUNT_DISABLED, Reason.INVALID_DOMAIN}
        hard += verdict.failure is FailureType.HARD and not to_blame & set(meant)
    reasons = sorted(there | found)
    scores = {each: Score(there[each], found[each], right[each]) for each in reasons}
    return Measured(scores, wrong, hard, len(texts))


def table(found: Measured) -> str:
    """The figures as a Markdown table."""
    lines = ["| reason | texts | precision | recall |", "|---|---|---|---|"]
    for reason, score in found.scores.items():
        figures = (_percent(score.precision), _percent(score.recall))
        lines.append(f"| {reason.label} | {score.there} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"


def main(words: Sequence[str]) -> None:
    texts = labelled()
    halves = {
        "looked at when the rules were made": [each for each in texts if not each.is_held_out],
        "held out": [each for each in texts if each.is_held_out],
    }
    for name, half in halves.items():
        found = measure(half)
        print(f"{name}: {found.share_right:.1%} of {found.texts} right", end="")
        print(f", {found.wrongly_hard} wrongly hard")
    print(table(found))
    if "--errors" in words:
        for each, said, rule in measure(halves["looked at when the rules were made"]).wrong:
            print(f"{each.label} → {said.label} by {rule}: {each.reply}")


if __name__ == "__main__":
    main(sys.argv[1:])
