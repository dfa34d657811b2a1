"""Holds what readers did against what was recorded of it: the arbiter of tracking.

The readers' ledger and the tracking log are made by different processes. An act and a record are a
pair if they are of one message, URL and kind, and of the same time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mail.tracked import Kind
from store.tracking_accounts import Counter, Counts, Logged

SLACK_S: Final = 5.0  # between the clocks of reader and server
SAMPLES: Final = 20  # of each kind of disagreement
_Target = tuple[int, int, Kind]  # message, URL, kind


@dataclass(frozen=True, slots=True)
class Act:
    """What a reader did that has to be recorded; times in epoch seconds."""

    name: str  # its key in the ledger
    delivery_id: int
    message_id: int
    url: int
    kind: Kind
    begun_at: float
    answered_at: float
    is_machine: bool
    is_sure: bool  # False: the request may not have arrived


@dataclass(slots=True)
class Found:
    """One kind of disagreement: how many, and the first of them."""

    count: int = 0
    samples: list[str | int] = field(default_factory=list)

    def add(self, sample: str | int) -> None:
        self.count += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(sample)

    def as_json(self) -> dict[str, Any]:
        return {"events": self.count, "samples": self.samples}


@dataclass(slots=True)
class Marks:
    """How well machines are told from people, among events that are recorded and known."""

    machines_marked: int = 0
    machines_missed: int = 0
    people_marked: int = 0
    people_left: int = 0

    def add(self, *, is_machine: bool, is_marked: bool) -> None:
        if is_machine:
            self.machines_marked += is_marked
            self.machines_missed += not is_marked
        else:
            self.people_marked += is_marked
            self.people_left += not is_marked

    @property
    def precision(self) -> float | None:
        """The share of machines among what is marked; None: nothing is."""
        return _share(self.machines_marked, self.machines_marked + self.people_marked)

    @property
    def recall(self) -> float | None:
        """The share of what machines did that is marked; None: they did nothing."""
        return _share(self.machines_marked, self.machines_marked + self.machines_missed)

    def as_json(self) -> dict[str, Any]:
        return {
            "machines_marked": self.machines_marked,
            "machines_missed": self.machines_missed,
            "people_marked": self.people_marked,
            "people_left": self.people_left,
            "precision": self.precision,
            "recall": self.recall,
        }


class Difference(NamedTuple):
    """A counter that does not say what the log says."""

    counter: Counter
    rows: int
    counted: int


@dataclass(slots=True)
class TrackingReconciliation:
    """The verdict."""

    acts: int = 0  # that have to be recorded
    records: int = 0  # rows of the log
    pairs: int = 0
    merged: int = 0  # opens that another one stands for
    in_doubt: int = 0  # perhaps done, not recorded
    missing: Found = field(default_factory=Found)  # done, not recorded: keys of the ledger
    phantom: Found = field(default_factory=Found)  # recorded, not done: ids of the log
    wrong_kind: Found = field(default_factory=Found)  # recorded as something else: ids of the log
    marks: Marks = field(default_factory=Marks)
    marks_of: dict[Kind, Marks] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether nothing is lost and nothing made up."""
        return self.disagreements == 0

    @property
    def disagreements(self) -> int:
        """Of all kinds together."""
        wrong = self.missing, self.phantom, self.wrong_kind
        return sum(each.count for each in wrong) + len(self.differences)

    def in_words(self) -> str:
        """How many of each kind."""
        return (
            f"{self.missing.count} missing, {self.phantom.count} made up, "
            f"{self.wrong_kind.count} of a wrong kind, {len(self.differences)} counters"
        )

    def as_json(self) -> dict[str, Any]:
        """The shape that ``docs/json.md`` promises, but for the figures."""
        return {
            "ok": self.is_ok,
            "acts": self.acts,
            "records": self.records,
            "pairs": self.pairs,
            "merged": self.merged,
            "in_doubt": self.in_doubt,
            "missing": self.missing.as_json(),
            "phantom": self.phantom.as_json(),
            "wrong_kind": self.wrong_kind.as_json(),
            "counters": [
                {**each.counter._asdict(), "rows": each.rows, "counted": each.counted}
                for each in self.differences
            ],
            "machines": {
                **self.marks.as_json(),
                "by_kind": {
                    kind.label: each.as_json() for kind, each in sorted(self.marks_of.items())
                },
            },
        }


def reconcile_tracking(
    acts: Iterable[Act], records: Iterable[Logged], merges_s: float
) -> TrackingReconciliation:
    """Compare them.

    Args:
        acts: what was done.
        records: the whole log.
        merges_s: opens of one message within so many seconds count once.

    Memory: each act and each record once.
    """
    found = TrackingReconciliation()
    done: dict[_Target, list[Act]] = defaultdict(list)
    logged: dict[_Target, list[Logged]] = defaultdict(list)
    opens: dict[int, list[float]] = defaultdict(list)  # recorded ones, by message
    for act in acts:
        found.acts += 1
        done[act.message_id, act.url, act.kind].append(act)
    for record in records:
        found.records += 1
        logged[record.message_id, record.url, record.kind].append(record)
        if record.kind is Kind.OPEN:
            opens[record.message_id].append(record.at)
    lacking: list[Act] = []
    extra: list[Logged] = []
    for target in dict.fromkeys((*done, *logged)):
        alone, too_many = _paired(found, done.get(target, []), logged.get(target, []))
        lacking += alone
        extra += too_many
    lacking = [each for each in lacking if not _is_excused(found, each, opens, merges_s)]
    _judge_rest(found, lacking, extra)
    return found


def _paired(
    found: TrackingReconciliation, acts: Sequence[Act], records: Sequence[Logged]
) -> tuple[list[Act], list[Logged]]:
    """Count the pairs; returns what is left of both. What surely happened is paired first."""
    left = sorted(records, key=lambda each: (each.at, each.id))
    alone: list[Act] = []
    for act in sorted(acts, key=lambda each: (not each.is_sure, each.begun_at)):
        record = next((each for each in left if _is_when(act, each.at)), None)
        if record is None:
            alone.append(act)
            continue
        left.remove(record)
        _pair(found, act, record)
    return alone, left


def _pair(found: TrackingReconciliation, act: Act, record: Logged) -> None:
    found.pairs += 1
    for marks in (found.marks, found.marks_of.setdefault(act.kind, Marks())):
        marks.add(is_machine=act.is_machine, is_marked=record.is_machine)


def _is_when(act: Act, at: float) -> bool:
    return act.begun_at - SLACK_S <= at <= act.answered_at + SLACK_S


def _is_excused(
    found: TrackingReconciliation, act: Act, opens: dict[int, list[float]], window_s: float
) -> bool:
    """Whether it need not be recorded: another open stands for it, or it was never sure."""
    if act.kind is Kind.OPEN:
        reach_s = window_s + SLACK_S
        near = (abs(each - act.begun_at) <= reach_s for each in opens.get(act.message_id, ()))
        if any(near):
            found.merged += 1
            return True
    if not act.is_sure:
        found.in_doubt += 1
        return True
    return False


def _judge_rest(found: TrackingReconciliation, acts: list[Act], records: list[Logged]) -> None:
    """What has no partner: recorded as something else, not at all, or never done."""
    by_url: dict[tuple[int, int], list[Logged]] = defaultdict(list)
    for record in records:
        by_url[record.message_id, record.url].append(record)
    taken: set[int] = set()
    for act in acts:
        others = by_url.get((act.message_id, act.url), ())
        other = next((e for e in others if e.id not in taken and _is_when(act, e.at)), None)
        if other is None:
            found.missing.add(act.name)
            continue
        taken.add(other.id)
        if act.kind is Kind.OPT_OUT and other.kind is Kind.CLICK and other.is_machine:
            _pair(found, act, other)  # who follows all links wants nothing
        else:
            found.wrong_kind.add(other.id)
    for record in records:
        if record.id not in taken:
            found.phantom.add(record.id)


def differences(rows: Counts, counted: Counts) -> Iterator[Difference]:
    """Counters that do not say what the log says."""
    for key in sorted({*rows, *counted}):
        if rows.get(key, 0) != counted.get(key, 0):
            yield Difference(key, rows.get(key, 0), counted.get(key, 0))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
