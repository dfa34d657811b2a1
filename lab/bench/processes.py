"""What the processes of a run used: memory and processor."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import psutil

LOOK_EVERY_S: Final = 0.25
_KINDS: Final = (
    "worker",
    "scheduler",
    "submission",
    "inmail",
    "tracking",
    "webhooks",
    "sink",
    "mta",
)


@dataclass(slots=True)
class Use:
    """One kind of process, all of it together."""

    processes: int = 0
    cpu_s: float = 0.0  # user and system
    main_cpu_s: float = 0.0  # of their first threads alone
    peak_rss_mb: float = 0.0  # of the largest one


class Watch:
    """Looks at this process's children until it is told to stop."""

    def __init__(self) -> None:
        self._start: dict[int, tuple[float, float]] = {}
        self._cpu: dict[int, tuple[float, float]] = {}  # of all threads, of the first
        self._rss: dict[int, int] = defaultdict(int)
        self._kind: dict[int, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench watch", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._start = dict(self._cpu)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def uses(self) -> dict[str, Use]:
        """By kind: ``worker``, ``scheduler``, ``sink``, ``mta`` (parents of workers)."""
        found: dict[str, Use] = {}
        for pid, kind in sorted(self._kind.items()):
            use = found.setdefault(kind, Use())
            use.processes += 1
            whole, main = self._cpu[pid]
            whole_before, main_before = self._start.get(pid, (0.0, 0.0))
            use.cpu_s += whole - whole_before
            use.main_cpu_s += main - main_before
            use.peak_rss_mb = max(use.peak_rss_mb, self._rss[pid] / 1e6)
        return found

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for each, kind in _children():
            try:
                times, rss = each.cpu_times(), each.memory_info().rss
                main = sum(t.user_time + t.system_time for t in each.threads() if t.id == each.pid)
            except psutil.Error:
                continue  # it has just ended
            self._kind[each.pid] = kind
            self._cpu[each.pid] = times.user + times.system, main
            self._rss[each.pid] = max(self._rss[each.pid], rss)


def _children() -> Iterator[tuple[psutil.Process, str]]:
    for each in psutil.Process().children(recursive=True):
        try:
            words = " ".join(each.cmdline()).split()
        except psutil.Error:
            continue
        # mtalab WORD …, or python -P -m lab WORD …
        kind = next((word for word in words[1:5] if word in _KINDS), None)
        if kind is not None:
            yield each, kind
