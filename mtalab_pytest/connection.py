"""The process that has the labs: how it is started, asked and ended.

One line of JSON is a request, one is its answer; docs/pytest.md has them.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import PurePath
from typing import Any, Final

from mtalab_pytest.errors import LabError, NoLabs, from_answer, is_told

__tracebackhide__ = is_told

PROTOCOL: Final = 1
PROGRAM: Final = "MTALAB_BIN"
COMMAND: Final = "serve-tests"
ANSWERS_WITHIN_S: Final = 60.0  # the first time; it takes a second on an idle laptop
ENDS_WITHIN_S: Final = 30.0  # labs on real processes stop in order
_SAID_MAX: Final = 2000  # characters of its last words that are shown
_INSTALL: Final = (
    "Install mtalab here, or by itself (pipx install mtalab) and name its program in MTALAB_BIN."
)
# What is meant for the tests' own interpreter is kept from the other one: above all PYTHONPATH,
# where packages of the same names as mtalab's may be found.
_NOT_ITS_OWN: Final = ("MTALAB_", "PYTHON", "PYTEST_", "COV_CORE_", "COVERAGE_")
_ITS_OWN: Final = frozenset(
    {"PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"}
)


class Connection:
    """One such process; for all threads of the process that started it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = self._answered = 0
        self._owner = os.getpid()
        self._words = command()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, or the one named
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=environment(os.environ),
                cwd=tempfile.gettempdir(),
                start_new_session=True,  # Ctrl-C is for pytest, which ends it in order
            )
        except OSError as error:
            self._said.close()
            raise NoLabs(
                f"{self._words[0]} cannot be started: {error.strerror}", remedy=_INSTALL
            ) from None
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            greeting = self._greet()
            self.causes: tuple[str, ...] = tuple(greeting["causes"])
            self.version = str(greeting["version"])
            stack.pop_all()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, do: str, **values: Any) -> Any:
        """Ask, and wait for the answer.

        Raises:
            LabError: it says no, and why.
            NoLabs: it has died.
        """
        if os.getpid() != self._owner:
            raise NoLabs(
                "a lab is asked by a process that did not make it",
                remedy="Ask it in the process of the test, not in a forked one.",
            )
        with self._lock:
            number = self._asked + 1
            given = {key: each for key, each in values.items() if each is not None}
            request = _encoded({"id": number, "do": do, **given})
            self._asked = number
            answer = self._exchange(request, number)
            self._answered = number
        if "error" in answer:
            raise from_answer(answer["error"])
        return answer.get("ok")

    def close(self) -> None:
        """End it, and all labs with it. Safe twice."""
        process = self._process
        if self._answered != self._asked:
            process.terminate()  # we were interrupted, and it may have much to do yet
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # it was gone before
                pipe.close()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._said.close()

    def _greet(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        own = version("mtalab")
        hello = _encoded({"id": 0, "do": "hello", "protocol": PROTOCOL, "plugin": own})
        self._send(hello)
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWERS_WITHIN_S)
        if not ready:
            raise self._stranger(f"has not answered for {ANSWERS_WITHIN_S:g} s")
        line = self._process.stdout.readline()
        try:
            answer = json.loads(line)
            if "error" in answer:
                raise _refused(from_answer(answer["error"]))
            greeting: dict[str, Any] = answer["ok"]
            spoken = greeting["protocol"]
        except (ValueError, KeyError, TypeError):
            raise self._stranger(
                f"answered {line[:80]!r}" if line else f"ended with exit code {self._code()}"
            ) from None
        if spoken != PROTOCOL:
            raise self._stranger(f"speaks protocol {spoken}, this plugin {PROTOCOL}")
        return greeting

    def _exchange(self, request: bytes, number: int) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        self._send(request)
        while line := stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == number:  # else of a request that an interrupt left unanswered
                return answer
        raise NoLabs(
            f"the process that has the labs ended with exit code {self._code()}"
            f"{self._last_words()}",
            remedy="The next test that wants a lab starts another one.",
        )

    def _send(self, request: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # ValueError: closed
            return  # why it is gone is told where its answer is missing

    def _code(self) -> int:
        try:
            return self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _stranger(self, how: str) -> NoLabs:
        words = " ".join(self._words)
        return NoLabs(
            f"`{words}` is no mtalab that this plugin understands: it {how}{self._last_words()}",
            remedy=f"{_INSTALL} Both have to be of one version.",
        )

    def _last_words(self) -> str:
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - _SAID_MAX))
        said = self._said.read().decode(errors="replace").strip()
        return f"; it said:\n{said}" if said else ""


def _refused(error: LabError) -> NoLabs:
    return NoLabs(error.what, name=error.name, remedy=error.remedy)


def command() -> list[str]:
    """How the process is started.

    Raises:
        NoLabs: MTALAB_BIN names no program.
    """
    given = os.environ.get(PROGRAM)
    if not given:
        # -P keeps the folder that the tests run in out of its import path.
        return [sys.executable, "-P", "-m", "lab", COMMAND]
    found = shutil.which(given)
    if found is None:
        raise NoLabs(
            f"{PROGRAM} names {given!r}, which is no program",
            remedy="Give the path of an installed mtalab, such as ~/.local/bin/mtalab.",
        )
    return [os.path.abspath(found), COMMAND]  # noqa: PTH100 - what is a link stays one


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the process inherits of this one's environment."""
    its_own = _ITS_OWN - ({"PYTHONHOME"} if environ.get(PROGRAM) else set())
    return {
        name: value
        for name, value in environ.items()
        if name in its_own or not name.startswith(_NOT_ITS_OWN)
    }


def _encoded(request: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(request, default=_plain, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise LabError(
            f"{request['do']}: a value cannot be told to the lab: {error}",
            remedy="Give text, numbers, lists, mappings, dates, durations and paths.",
        ) from None


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            return value.total_seconds()
        case date():
            return value.isoformat()
        case PurePath():
            return os.fspath(value)
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return sorted(value)
        case _:
            raise TypeError(f"{value!r} is a {type(value).__name__}")
