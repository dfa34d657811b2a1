"""Runs of scenarios: each a process of its own and a folder under the lab's data.

A run is what stands in its folder; only whether its process still lives is known here. So runs are
there after a restart of the server, and one that the server's end cut off is seen to be broken.
"""

import contextlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson

from lab.playing.given import see_that_it_stands_alone
from lab.scenario.read import read_case
from lab.scenario.run import check_mode
from mail.errors import UserError
from world.clock import Clock

AT_ONCE_MAX: Final = 2
KEPT_MAX: Final = 50  # runs; the oldest go
LASTS_MAX_S: Final = 300.0  # of real time
_WORDS_MAX: Final = 2000  # characters of what a process said that are shown
_STOPS_WITHIN_S: Final = 5.0
_PLAYED, _OUTCOME, _STEPS = "played.json", "outcome.json", "steps.json"
_WORDS, _LATE, _TEXT, _KEPT = "words.txt", "late", "scenario.toml", "kept"


class TooManyRuns(UserError):
    """As many scenarios are played as may be at once."""


class NoSuchRun(UserError):
    """A number that no run has."""


class State(StrEnum):
    """How it stands with a run; broken: it came to no end, or the lab itself went wrong."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class PlayedRun:
    """One run. ``outcome`` and ``steps`` as docs/json.md has them; None: there is none (yet)."""

    number: int
    name: str | None  # of the scenario, if it was played by one
    title: str
    file: Path
    seed: int
    began_at: float
    state: State
    outcome: Mapping[str, Any] | None
    error: str | None


class Runs:
    """All runs of one lab; its methods may be called from any thread.

    Args:
        folder: where they are kept.
        clock: when they began.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder.absolute(), clock
        self._lock = threading.Lock()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    # --- played ------------------------------------------------------------------------------

    def play(self, file: Path, name: str, seed: int | None) -> int:
        """Play a scenario of a file; returns the number of the run.

        Raises:
            TooManyRuns: wait until another one is over.
            UserError: it is not valid, or not to be played in simulation.
        """
        with self._new() as (number, folder):
            self._start(number, folder, file, name, seed)
        return number

    def play_text(self, text: str, seed: int | None) -> int:
        """The same of a text that names no files."""
        with self._new() as (number, folder):
            see_that_it_stands_alone(text, _TEXT)
            file = folder / _TEXT
            file.write_text(text, encoding="utf-8")
            self._start(number, folder, file, None, seed)
        return number

    @contextlib.contextmanager
    def _new(self) -> Iterator[tuple[int, Path]]:
        with self._lock:
            if sum(each.poll() is None for each in self._processes.values()) >= AT_ONCE_MAX:
                raise TooManyRuns(
                    f"{AT_ONCE_MAX} scenarios are played already",
                    remedy="Wait until one of them is over.",
                )
            number = max(self._numbers(), default=0) + 1
            folder = self._folder / str(number)
            folder.mkdir(parents=True)
            with contextlib.ExitStack() as refused:
                refused.callback(shutil.rmtree, folder, ignore_errors=True)
                yield number, folder
                refused.pop_all()  # it was begun: its folder stays
            self._remove_oldest()

    def _start(
        self, number: int, folder: Path, file: Path, name: str | None, seed: int | None
    ) -> None:
        case = read_case(file)
        check_mode(case, "simulated")
        chosen = case.scenario.seed if seed is None else seed
        played = {
            "name": name,
            "title": case.name,
            "file": str(file),
            "seed": chosen,
            "began_at": self._clock.now(),
        }
        (folder / _PLAYED).write_bytes(orjson.dumps(played))
        words = ["run", str(file), "--simulate", "--seed", str(chosen), "--json"]
        words += ["--keep", str(folder / _KEPT), "--steps", str(folder / _STEPS)]
        with (folder / _OUTCOME).open("wb") as out, (folder / _WORDS).open("wb") as said:
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-m", "lab", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
                start_new_session=True,
            )
        self._processes[number] = process
        waiting = threading.Thread(
            target=self._wait, args=(process, folder), name=f"scenario run {number}", daemon=True
        )
        waiting.start()

    def _wait(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        try:
            process.wait(LASTS_MAX_S)
        except subprocess.TimeoutExpired:
            (folder / _LATE).touch()
            process.kill()
            process.wait()

    def _remove_oldest(self) -> None:
        for number in sorted(self._numbers())[:-KEPT_MAX]:
            if not self._is_running(number):
                self._processes.pop(number, None)
                shutil.rmtree(self._folder / str(number), ignore_errors=True)

    def end(self) -> None:
        """End those that still run: nobody would wait for them."""
        with self._lock:
            running = [each for each in self._processes.values() if each.poll() is None]
        for each in running:
            each.kill()
            each.wait(_STOPS_WITHIN_S)

    # --- looked at ---------------------------------------------------------------------------

    def all(self) -> list[PlayedRun]:
        """All that are kept, the newest first."""
        numbers = sorted(self._numbers(), reverse=True)
        return [each for number in numbers if (each := self._read(number)) is not None]

    def get(self, number: int) -> PlayedRun:
        """One of them; raises NoSuchRun."""
        found = self._read(number)
        if found is None:
            raise NoSuchRun(
                f"there is no run {number}",
                remedy=f"The newest {KEPT_MAX} are kept; GET /api/v1/scenarios/runs lists them.",
            )
        return found

    def steps(self, number: int) -> Mapping[str, Any] | None:
        """How it stood over its time; None: that is not known (yet)."""
        return None if self._is_running(number) else _json(self._folder / str(number) / _STEPS)

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return [int(each.name) for each in self._folder.iterdir() if each.name.isdecimal()]

    def _is_running(self, number: int) -> bool:
        process = self._processes.get(number)
        return process is not None and process.poll() is None

    def _read(self, number: int) -> PlayedRun | None:
        is_running = self._is_running(number)  # before its files: it may end in between
        folder = self._folder / str(number)
        played = _json(folder / _PLAYED)
        if played is None:
            return None  # it is being made, or it is being removed
        outcome, error = None, None
        if not is_running:
            told = _json(folder / _OUTCOME)
            outcome = None if told is None else told["scenarios"][0]
            error = _why_without(folder) if outcome is None else outcome["error"]
        return PlayedRun(
            number=number,
            name=played["name"],
            title=played["title"],
            file=Path(played["file"]),
            seed=played["seed"],
            began_at=played["began_at"],
            state=State.RUNNING if is_running else _state(outcome),
            outcome=outcome,
            error=error,
        )


def _state(outcome: Mapping[str, Any] | None) -> State:
    if outcome is None or outcome["error"] is not None:
        return State.BROKEN
    return State.PASSED if outcome["passed"] else State.FAILED


def _why_without(folder: Path) -> str:
    """Why a run has no outcome."""
    if (folder / _LATE).exists():
        return f"it took longer than {LASTS_MAX_S:g} s, and was ended"
    with contextlib.suppress(OSError):
        said = (folder / _WORDS).read_text(encoding="utf-8", errors="replace").strip()
        if said:
            return said[-_WORDS_MAX:]
    return "it was ended before it came to its end, with the server perhaps"


def _json(file: Path) -> Any:
    """What a file says; None: it is not there, or not whole."""
    try:
        return orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
