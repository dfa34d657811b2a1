"""Whether two results of a benchmark differ by more than chance.

Every figure has one value for each run. If nothing has changed, it is chance which runs are before
and which after: the share of all ways to deal the runs into two such groups that differ at least as
much as these do is the probability of such a difference by chance alone (Fisher's exact permutation
test, on the means of logarithms, two-sided). It asks nothing of how the figures are spread.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError, model_validator

from mail.errors import UserError, Where

HEADLINE: Final = "messages_per_second"  # of the whole trip
CHANCE_MAX: Final = 0.05  # from this on a difference may be chance
_WAYS_MAX: Final = 200_000  # of dealing the runs, all of which are looked at
_EQUAL: Final = 1e-12  # sums of logarithms that differ less are equal


class NoBenchResult(UserError):
    """A file that is no output of ``mtalab bench --json``."""


class Finding(StrEnum):
    """What can be said of one figure."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "no real difference"
    TOO_FEW = "too few runs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both results."""

    name: str
    before: float  # medians
    after: float
    ratio: float  # of the means (geometric), after over before
    chance: float  # probability of such a difference by chance alone
    finding: Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures that both results have; and what differs in their workloads."""

    differences: tuple[Difference, ...]
    workload: Mapping[str, tuple[Any, Any]]

    @property
    def is_worse(self) -> bool:
        """Whether the whole trip is really slower than before.

        That alone: of ten figures that did not change one often looks as if it had, and some are
        the references', which tell of the machine.
        """
        return any(
            each.name == HEADLINE and each.finding is Finding.WORSE for each in self.differences
        )


_Figures = Annotated[list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=1)]


class _Result(BaseModel):
    """What is read of a result."""

    workload: dict[str, Any]
    figures: dict[str, _Figures]

    @model_validator(mode="after")
    def _has_the_whole_trip(self) -> "_Result":
        if HEADLINE not in self.figures:
            raise ValueError(f"expected the figure {HEADLINE}")
        return self


def compare_files(before: Path, after: Path) -> Comparison:
    """Compare two files that ``mtalab bench --json`` wrote.

    Raises:
        NoBenchResult: one of them is none, or cannot be read.
    """
    first, second = _read(before), _read(after)
    keys = sorted(first.workload.keys() | second.workload.keys())
    pairs = {key: (first.workload.get(key), second.workload.get(key)) for key in keys}
    return Comparison(
        tuple(
            difference(name, figures, second.figures[name])
            for name, figures in first.figures.items()
            if name in second.figures
        ),
        {key: pair for key, pair in pairs.items() if pair[0] != pair[1]},
    )


def difference(name: str, before: Sequence[float], after: Sequence[float]) -> Difference:
    """Compare the runs of one figure; all are above zero. Less CPU is better, more of all else."""
    first, second = [math.log(each) for each in before], [math.log(each) for each in after]
    ratio = math.exp(statistics.fmean(second) - statistics.fmean(first))
    if 2 / math.comb(len(before) + len(after), len(after)) > CHANCE_MAX:
        chance, finding = 1.0, Finding.TOO_FEW
    else:
        chance = _chance(first, second)
        is_better = (ratio < 1) == _is_cost(name)
        finding = Finding.NONE
        if chance <= CHANCE_MAX:
            finding = Finding.BETTER if is_better else Finding.WORSE
    medians = statistics.median(before), statistics.median(after)
    return Difference(name, *medians, ratio, chance, finding)


def _is_cost(name: str) -> bool:
    return name.endswith("_cpu_us")


def _chance(first: Sequence[float], second: Sequence[float]) -> float:
    """The share of ways to deal all values that differ at least as much as these do."""
    values = [*first, *second]
    if math.comb(len(values), len(second)) > _WAYS_MAX:
        return _normal_chance(first, second)
    total, share = math.fsum(values), len(second) / len(values)
    seen = abs(math.fsum(second) - total * share) - _EQUAL
    dealt = itertools.combinations(values, len(second))
    as_far = [abs(sum(chosen) - total * share) >= seen for chosen in dealt]
    return sum(as_far) / len(as_far)


def _normal_chance(first: Sequence[float], second: Sequence[float]) -> float:
    """The same of so many runs that their means are normally distributed."""
    variances = [statistics.variance(each) / len(each) for each in (first, second)]
    error = math.sqrt(sum(variances))
    distance = abs(statistics.fmean(second) - statistics.fmean(first))
    if error == 0:
        return 0.0 if distance > _EQUAL else 1.0
    return 2 * (1 - statistics.NormalDist().cdf(distance / error))


def _read(file: Path) -> _Result:
    remedy = "Give files that `mtalab bench --json > FILE` wrote."
    try:
        return _Result.model_validate_json(file.read_bytes())
    except OSError as error:
        raise NoBenchResult(
            f"cannot be read: {error.strerror}", where=Where(str(file)), remedy=remedy
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or None
        raise NoBenchResult(
            f"is no result of a benchmark: {first['msg']}",
            where=Where(str(file), key=key),
            remedy=remedy,
        ) from error
