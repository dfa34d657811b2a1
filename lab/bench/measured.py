"""What the processes of a run wrote about themselves (``lab/services/measuring.py``), added up."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from lab.services.measuring import VARIABLE

_WASTED: Final = {  # what is looked at in vain, by the kind of process that does it
    "worker": ("claims_in_vain", "pulls_in_vain", "given_back", "rows_read"),
    "scheduler": ("rounds_in_vain", "rows_read"),
}


@dataclass(slots=True)
class Measured:
    """One kind of process between two moments, all of it together."""

    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    connects_s: list[float] = field(default_factory=list)  # since the process began
    records_s: list[float] = field(default_factory=list)  # of what was written since


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
    """Add up by kind of process what was written between two moments in epoch seconds.

    A count at a moment between two lines lies on the straight line between theirs, so that it may
    be a fraction. Records are told later than they are made: those after the end belong to it.
    """
    found: dict[str, Measured] = defaultdict(Measured)
    for file in sorted(folder.glob("*.jsonl")):
        whole, _, _ = file.read_bytes().rpartition(b"\n")  # a killed process leaves half a line
        lines = [orjson.loads(line) for line in whole.split(b"\n") if line]
        if not lines:
            continue
        of_kind = found[lines[0]["kind"]]
        for name in lines[-1]["counts"]:
            of_kind.counts[name] += _at(lines, name, until) - _at(lines, name, since)
        for line in lines:
            of_kind.connects_s += line.get("connects_s", ())
            if line["at"] >= since:
                of_kind.records_s += line.get("records_s", ())
    return found


def wasted(measured: Mapping[str, Measured], messages: int) -> dict[str, float]:
    """How often each thing was done in vain, per message; and the rows that were read for one."""
    found: dict[str, float] = defaultdict(float)
    for kind, names in _WASTED.items():
        counts = measured.get(kind, Measured()).counts
        for name in names:
            found[name] += counts[name] / messages
    return dict(found)


def _at(lines: Sequence[Mapping[str, Any]], name: str, moment: float) -> float:
    before, value = 0.0, 0.0
    for line in lines:
        at, now = float(line["at"]), float(line["counts"].get(name, 0))
        if at >= moment:
            share = (moment - before) / (at - before) if before else 1.0
            return value + (now - value) * share
        before, value = at, now
    return value
