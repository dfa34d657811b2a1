"""Where the time of each kind of process went, as shares that add up to one."""

from collections.abc import Mapping

from lab.bench.measured import Measured
from lab.bench.processes import Use
from mta.measures import Doing


def time_shares(
    uses: Mapping[str, Use], measured: Mapping[str, Measured], seconds: float
) -> dict[str, dict[str, float]]:
    """By kind of process and what it did.

    ``computing`` is the processor time of its first thread, ``store`` that of the others, which
    read and write the store; a sink has none, and computes. A worker's ``rendering`` is told apart
    from the rest of its first thread, ``sending``; and what is left of its time is divided by what
    it was found waiting for. What it waits for a processor is in there too.
    """
    found: dict[str, dict[str, float]] = {}
    for kind, use in uses.items():
        whole = max(use.cpu_s, seconds * use.processes)
        # Both are read one after the other, in ticks: the part may come out above the whole.
        main = min(use.main_cpu_s, use.cpu_s)
        waited, others = whole - use.cpu_s, use.cpu_s - main
        if kind == "worker" and kind in measured:
            shares = _worker(main, others, waited, measured[kind])
        elif kind == "sink":
            shares = {"computing": use.cpu_s, "idle": waited}
        else:
            shares = {"computing": main, "store": others, "idle": waited}
        found[kind] = {name: each / whole for name, each in shares.items()} if whole else shares
    return found


def mean_shares(runs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The mean over all runs, of the kinds that each has; still adding up to one."""
    kinds = set.intersection(*(set(each) for each in runs))
    return {
        kind: {
            name: sum(each[kind].get(name, 0.0) for each in runs) / len(runs)
            for name in runs[0][kind]
        }
        for kind in sorted(kinds)
    }


def _worker(main_s: float, others_s: float, waited: float, measured: Measured) -> dict[str, float]:
    rendering = min(measured.counts["rendering_s"], main_s)
    seen = {doing: measured.counts[f"seen_{doing}"] for doing in Doing}
    looks = sum(seen.values())
    parts = {each: waited * seen[each] / looks if looks else 0.0 for each in Doing}
    if not looks:
        parts[Doing.IDLE] = waited
    return {
        "rendering": rendering,
        "sending": main_s - rendering,
        "replies": parts[Doing.REPLIES],
        "store": others_s + parts[Doing.STORE],
        "throttle": parts[Doing.THROTTLE],
        "idle": parts[Doing.IDLE],
    }
