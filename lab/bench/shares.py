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
    read and write the store. A worker's ``rendering`` is told apart from the rest of its first
    thread, ``sending``; and what is left of its time is divided by what it was found waiting for.
    """
    found: dict[str, dict[str, float]] = {}
    for kind, use in uses.items():
        whole = max(use.cpu_s, seconds * use.processes)
        shares = {"computing": use.main_cpu_s, "store": use.cpu_s - use.main_cpu_s}
        waited = whole - use.cpu_s
        if kind == "worker" and kind in measured:
            shares |= _worker(shares, waited, measured[kind])
            del shares["computing"]
        else:
            shares["idle"] = waited
        found[kind] = {name: round(each / whole, 4) for name, each in shares.items()}
    return found


def _worker(cpu: Mapping[str, float], waited: float, measured: Measured) -> dict[str, float]:
    rendering = min(float(measured.counts["rendering_s"]), cpu["computing"])
    seen = {doing: float(measured.counts[f"seen_{doing}"]) for doing in Doing}
    looks = sum(seen.values())
    parts = {each: waited * seen[each] / looks if looks else 0.0 for each in Doing}
    if not looks:
        parts[Doing.IDLE] = waited
    return {
        "rendering": rendering,
        "sending": cpu["computing"] - rendering,
        "replies": parts[Doing.REPLIES],
        "store": cpu["store"] + parts[Doing.STORE],
        "throttle": parts[Doing.THROTTLE],
        "idle": parts[Doing.IDLE],
    }
