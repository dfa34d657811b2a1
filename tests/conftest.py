"""Fixtures for every room: a store on each database, a clock, how Hypothesis runs."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from store.schema import open_store
from tests.fakes import postgresql
from tests.fakes.clock import FakeClock

# With it each of hundreds of processes would compile our sources, and pytest the tests, anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("laptop", deadline=None, derandomize=False, max_examples=50)
settings.register_profile(
    "ci",
    settings.get_profile("laptop"),
    print_blob=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],  # other people's machines
)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]

# Makes one more empty, migrated database for as long as the context lasts; yields its URL.
NewDatabase = Callable[[], contextlib.AbstractContextManager[str]]


@pytest.fixture
def clock():
    """A clock that stands still until the test advances it."""
    return FakeClock()


@pytest.fixture(scope="session")
def postgresql_server():
    """The PostgreSQL server of this run."""
    with postgresql.server_for_run() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """A SQLite file with our schema and nothing in it, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "lab.db"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.fixture(params=ENGINES)
def engine_name(request):
    """Runs the test once per database."""
    return request.param


@pytest.fixture
def new_database(engine_name, request, tmp_path_factory) -> NewDatabase:
    """Makes empty, migrated databases of the kind that the test runs on."""
    if engine_name == "postgresql":
        return request.getfixturevalue("postgresql_server").empty_database
    migrated = request.getfixturevalue("migrated_file")

    @contextlib.contextmanager
    def copy() -> Iterator[str]:
        folder = tmp_path_factory.mktemp("store")
        shutil.copy(migrated, folder / "lab.db")
        yield f"sqlite:///{folder / 'lab.db'}"
        shutil.rmtree(folder)

    return copy


@pytest.fixture
def store_url(new_database):
    """The URL of an empty, migrated database."""
    with new_database() as url:
        yield url


@pytest.fixture
def store(store_url):
    """An empty store, closed after the test."""
    opened = open_store(store_url)
    yield opened
    opened.close()
