"""Fixtures and the marker: what pytest finds by the entry point."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from mtalab_pytest.connection import Connection
from mtalab_pytest.durations import Duration
from mtalab_pytest.errors import LabError, is_told
from mtalab_pytest.lab import Lab

__tracebackhide__ = is_told

Topology = Mapping[str, Any] | str | PathLike[str]
_MARKER: Final = (
    "mtalab(topology=…, scenario=…, seed=…, real=…, begins=…, tick=…): what the fixture `lab` is"
)
_OPTIONS: Final = ("topology", "scenario", "seed", "real", "begins", "tick")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


class Labs:
    """Makes labs, in one process that is started for the first of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: Connection | None = None

    def lab(
        self,
        topology: Topology | None = None,
        *,
        scenario: str | PathLike[str] | None = None,
        seed: int | None = None,
        real: bool = False,
        begins: datetime | str | None = None,
        tick: Duration | None = None,
        folder: Path | None = None,
    ) -> Lab:
        """A new lab, running; it ends with ``close`` or at the end of a ``with``.

        Args:
            topology: a configuration: a mapping, TOML text, or the path of an mtalab.toml. By
                default one sender with the affinity ``default``, and a receiver of all mail.
            scenario: a scenario file instead: its lab, at its beginning.
            seed: of all chance in a simulated one.
            real: on real processes and sockets, in real time.
            begins: the date at the beginning of a simulated one.
            tick: how far apart a simulated one looks at what is due; for labs that run for days.
            folder: against which paths are taken; by default the root of the test run.

        Raises:
            LabError: it is no configuration, or cannot run.
            NoLabs: there is no mtalab that can make it.
        """
        made = self.connection.ask(
            "make",
            **_given(topology),
            scenario=None if scenario is None else fspath(scenario),
            seed=seed,
            mode="real" if real else "simulated",
            begins=begins,
            tick=tick,
            folder=fspath(folder or self._folder),
        )
        return Lab(self.connection, made)

    @property
    def connection(self) -> Connection:
        """The process, started if there is none or the last one has died."""
        if self._connection is None or not self._connection.is_alive:
            self.close()
            self._connection = Connection()
        return self._connection

    def close(self) -> None:
        """End the process, and all labs."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class LabFactory:
    """Makes labs for one test: ``mtalab_lab(topology=…)``; arguments as ``Labs.lab`` has them."""

    def __init__(self, make: Callable[..., Lab]) -> None:
        self._make = make
        self._made: list[Lab] = []

    def __call__(self, topology: Topology | None = None, **options: Any) -> Lab:
        lab = self._make(topology, **options)
        self._made.append(lab)
        return lab

    def close(self) -> None:
        """End all of them."""
        while self._made:
            self._made.pop().close()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"mtalab_lab makes labs and is none: use `lab.{name}` of the fixture `lab`, or of "
            "mtalab_lab(…) (docs/pytest.md)"
        )


def _given(topology: Topology | None) -> dict[str, Any]:
    if topology is None or isinstance(topology, Mapping):
        return {"topology": topology}
    if isinstance(topology, str) and not topology.rstrip("\n").endswith(".toml"):
        return {"text": topology}
    return {"file": fspath(topology)}


@pytest.fixture(scope="session")
def mtalab(pytestconfig: pytest.Config) -> Iterator[Labs]:
    """Labs for fixtures of a scope of your own: ``with mtalab.lab(…) as lab``."""
    labs = Labs(pytestconfig.rootpath)
    yield labs
    labs.close()


@pytest.fixture(scope="session")
def mtalab_configuration() -> Topology | None:
    """What ``lab`` and ``mtalab_lab()`` are where nothing else is said. Override it."""
    return None


@pytest.fixture
def mtalab_lab(
    request: pytest.FixtureRequest, mtalab: Labs, mtalab_configuration: Topology | None
) -> Iterator[LabFactory]:
    """Makes labs that end with the test; paths are taken against the folder of its file."""

    def make(topology: Topology | None, **options: Any) -> Lab:
        if topology is None and options.get("scenario") is None:
            topology = mtalab_configuration
        return mtalab.lab(topology, **{"folder": request.path.parent, **options})

    factory = LabFactory(make)
    yield factory
    factory.close()


@pytest.fixture
def lab(request: pytest.FixtureRequest, mtalab_lab: LabFactory) -> Lab:
    """A lab of the test's own, simulated unless its marker ``mtalab`` says otherwise."""
    marker = request.node.get_closest_marker("mtalab")
    options: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    unknown = [each for each in options if each not in _OPTIONS]
    if unknown or (marker is not None and marker.args):
        what = ", ".join(unknown) or "values without a name"
        pytest.fail(f"the marker mtalab takes no {what}; it is {_MARKER}", pytrace=False)
    try:
        return mtalab_lab(options.pop("topology", None), **options)
    except LabError as error:
        words = str(error)
    pytest.fail(words, pytrace=False)  # out here, so that it is not shown as one after another
