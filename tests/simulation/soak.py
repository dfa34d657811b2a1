"""``make soak``: storms by the thousand, each from a seed, on all cores, until one fails.

    python -m tests.simulation.soak --seeds 2000 --first 0

A storm that breaks an invariant is shrunk and written to a file, to be kept in
``tests/simulation/kept``, where every file is played by the tests.
"""

import argparse
import contextlib
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import tomli_w

from lab.simulation.invariants.violation import Violation
from lab.simulation.storms.brew import storm_of_seed
from lab.simulation.storms.play import play
from lab.simulation.storms.shrink import RUNS_MAX, shrink

AT_ONCE = 20  # seeds that a process is given at a time
MEMORY = Path("/dev/shm")  # a storm writes some dozen small files


@contextlib.contextmanager
def folder():
    """A place for a storm's files, in memory if there is any."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mtalab-soak-", dir=place) as made:
        yield Path(made)


def broken_by(storm, seed):
    """The invariant that it breaks, in words and by name, or None."""
    with folder() as place:
        try:
            play(storm, seed, place)
        except Violation as violation:
            return violation
    return None


def soak(seeds):
    """Play some seeds; returns how many, and the first that failed with its invariant."""
    logging.disable()  # sinks tell of disks that are full
    for number, seed in enumerate(seeds):
        violation = broken_by(storm_of_seed(seed), seed)
        if violation is not None:
            return number, (seed, str(violation))
    return len(seeds), None


def shrunk(seed, runs_max=RUNS_MAX):
    """The smallest storm that breaks the same invariant as the seed's own, and how."""
    storm = storm_of_seed(seed)
    invariant = broken_by(storm, seed).invariant

    def fails(smaller):
        try:
            violation = broken_by(smaller, seed)
        except Exception:  # noqa: BLE001 - something that it needs was taken away
            return False
        return violation is not None and violation.invariant is invariant

    smallest = shrink(storm, fails, runs_max)
    return smallest, broken_by(smallest, seed)


def keep(storm, seed, violation, place):
    """Write a storm that failed to a file."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"{violation.invariant}-{seed}.toml"
    values = {"seed": seed, "broke": str(violation), **storm.as_values()}
    file.write_text(tomli_w.dumps(values), encoding="utf-8")
    return file


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, default=Path("soak-failures"), help="for failures")
    given = parser.parse_args(arguments)
    began, done, failure = time.perf_counter(), 0, None
    last = given.first + given.seeds
    chunks = [
        range(start, min(start + AT_ONCE, last)) for start in range(given.first, last, AT_ONCE)
    ]
    with multiprocessing.Pool(given.processes) as pool:
        for count, failure in pool.imap_unordered(soak, chunks):
            done += count
            rate = done / (time.perf_counter() - began)
            if sys.stderr.isatty():
                print(
                    f"\r{done} of {given.seeds} seeds, {rate:.1f} a second",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            if failure is not None:
                pool.terminate()
                break
    if sys.stderr.isatty():
        print(file=sys.stderr)
    rate = done / (time.perf_counter() - began)
    if failure is None:
        print(f"{done} storms, no invariant broken; {rate:.1f} seeds a second")
        return 0
    seed, what = failure
    print(f"seed {seed}: {what}\nshrinking ...", flush=True)
    logging.disable()
    storm, violation = shrunk(seed)
    file = keep(storm, seed, violation, given.keep)
    print(
        f"shrunk: {violation}\nwritten to {file}; again: python -m tests.simulation.replay {file}"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
