"""What the processes of a run wrote about themselves (``lab/services/measuring.py``), added up."""

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from lab.services.measuring import VARIABLE


@dataclass(slots=True)
class Measured:
    """One kind of process between two moments, all of it together."""

    counts: Counter[str] = field(default_factory=Counter)  # fractions: between two lines
    connects_s: list[float] = field(default_factory=list)  # since the process began
    records_s: list[float] = field(default_factory=list)


@contextlib.contextmanager
def measuring(folder: Path) -> Iterator[None]:
    """Have the processes that are started meanwhile write to this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def read_measured(folder: Path, since: float, until: float) -> Mapping[str, Measured]:
    """Add up by kind of process what was written between two moments in epoch seconds."""
    found: dict[str, Measured] = defaultdict(Measured)
    for file in sorted(folder.glob("*.jsonl")):
        whole, _, _ = file.read_bytes().rpartition(b"\n")
        lines = [orjson.loads(line) for line in whole.split(b"\n") if line]
        if not lines:
            continue
        of_kind = found[lines[0]["kind"]]
        for name in lines[-1]["counts"]:
            grown = _at(lines, name, until) - _at(lines, name, since)
            of_kind.counts[name] += grown  # type: ignore[assignment] # it may be a fraction
        for line in lines:
            of_kind.connects_s += line.get("connects_s", ())
            if since <= line["at"] <= until:
                of_kind.records_s += line.get("records_s", ())
    return found


def _at(lines: Sequence[Mapping[str, Any]], name: str, moment: float) -> float:
    """A count at a moment, which lies on a straight line from what was written before to after."""
    before, value = 0.0, 0.0
    for line in lines:
        at, now = float(line["at"]), float(line["counts"].get(name, 0))
        if at >= moment:
            share = (moment - before) / (at - before) if before else 1.0
            return value + (now - value) * share
        before, value = at, now
    return value
