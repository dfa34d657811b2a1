"""What opening, reading and writing say when they cannot."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from store import audit, deliveries
from store.dialects import sqlite as sqlite_dialect
from store.errors import BadStoreUrl, StoreUnavailable
from store.schema import open_store

NOBODY = 65534


@pytest.fixture
def lab_db(migrated_file, tmp_path):
    """A migrated SQLite file of this test's own."""
    return Path(shutil.copy(migrated_file, tmp_path / "lab.db"))


@pytest.fixture
def as_nobody():
    """Drops root's rights for the length of a test, and yields a folder that all may reach."""
    folder = Path(tempfile.mkdtemp(prefix="mtalab-"))
    folder.chmod(0o755)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def explanation(raised):
    """Text of the error, which must say what to do as well."""
    assert raised.value.remedy
    return str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lab.db",
        "mysql://host/lab",
        "postgresql://host/lab",
        "sqlite+aiosqlite:///lab.db",
        "postgresql+psycopg://host:port/lab",
    ],
)
def test_a_url_that_we_do_not_speak_is_refused_with_examples(url):
    with pytest.raises(BadStoreUrl, match="is not a store URL that mtalab knows") as raised:
        open_store(url)
    assert "sqlite:///PATH or postgresql+psycopg://" in explanation(raised)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path):
    open_store(f"sqlite:///{tmp_path}/a/b/lab.db").close()
    assert (tmp_path / "a/b/lab.db").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(StoreUnavailable, match=r"cannot make the folder .*/a/b") as raised:
        open_store(f"sqlite:///{tmp_path}/a/b/lab.db")
    assert "Choose another directory" in explanation(raised)


def test_a_folder_in_place_of_the_file_is_explained(tmp_path):
    (tmp_path / "lab.db").mkdir()
    with pytest.raises(StoreUnavailable, match=r"lab\.db cannot be used: unable to open") as raised:
        open_store(f"sqlite:///{tmp_path}/lab.db")
    assert "Check that the folder exists" in explanation(raised)


def test_a_file_that_is_no_database_is_explained(tmp_path):
    (tmp_path / "lab.db").write_bytes(b"recipients,first name\n" * 1000)
    with pytest.raises(StoreUnavailable, match="file is not a database") as raised:
        open_store(f"sqlite:///{tmp_path}/lab.db")
    assert "Move the file away" in explanation(raised)


def test_a_folder_that_may_not_be_written_is_explained(as_nobody):
    as_nobody_may_not = as_nobody
    if os.geteuid() != NOBODY:
        as_nobody_may_not.chmod(0o555)
    with pytest.raises(StoreUnavailable) as raised:
        open_store(f"sqlite:///{as_nobody_may_not}/lab.db")
    assert "unable to open database file" in explanation(raised)


def test_a_file_that_may_only_be_read_is_read_and_writing_is_explained(lab_db, monkeypatch):
    url = f"sqlite:///file:{lab_db}?mode=ro&uri=true"
    monkeypatch.chdir(lab_db.parent)
    store = open_store(url)
    assert store.read_now(deliveries.find) == []
    with pytest.raises(StoreUnavailable, match="attempt to write a readonly database") as raised:
        store.write_now(audit.note, 1.0, "text")
    store.close()
    assert "writable for this user" in explanation(raised)
    assert not Path("file:").exists()


@pytest.fixture
def impatient(monkeypatch):
    """SQLite waits 20 ms for a lock instead of ten seconds."""
    monkeypatch.setattr(sqlite_dialect, "BUSY_TIMEOUT_MS", 20)


def test_a_store_that_is_locked_too_long_is_explained(lab_db, impatient):
    other = sqlite3.connect(lab_db, isolation_level=None)
    store = open_store(f"sqlite:///{lab_db}")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked") as raised:
        store.write_now(audit.note, 1.0, "text")
    assert "end that one" in explanation(raised)
    assert store.read_now(audit.entries) == []

    other.execute("ROLLBACK")
    other.close()
    store.write_now(audit.note, 1.0, "text")
    assert len(store.read_now(audit.entries)) == 1
    store.close()


def test_a_migration_that_is_locked_out_is_explained(tmp_path, impatient):
    other = sqlite3.connect(tmp_path / "lab.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        open_store(f"sqlite:///{tmp_path}/lab.db")
    other.close()


def test_a_server_that_does_not_answer_is_explained(tmp_path):
    with pytest.raises(StoreUnavailable, match="cannot be used") as raised:
        open_store(f"postgresql+psycopg://me:secret@/lab?host={tmp_path}")
    assert "Check that the database server runs" in explanation(raised)
    assert "secret" not in explanation(raised)


@pytest.mark.postgresql
def test_a_database_that_does_not_exist_is_explained(postgresql_server):
    with pytest.raises(StoreUnavailable, match='database "nowhere" does not exist'):
        open_store(postgresql_server.url("nowhere"))


@pytest.mark.postgresql
@pytest.mark.parametrize("how", ["in bulk", "in a statement"])
def test_a_server_that_goes_away_is_explained_and_may_come_back(postgresql_server, how):
    with postgresql_server.database() as url:
        store, other = open_store(url), open_store(url)

        def lose_the_connection_and_go_on(tx):
            own = tx.connection.scalar(text("SELECT pg_backend_pid()"))
            with other.engine.connect() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
            if how == "in a statement":
                audit.note(tx, 1.0, "text")
            row = {"at": 1.0, "delivery_id": None, "level": "info", "text": "x"}
            tx.dialect.bulk_insert(
                tx.connection, audit.tables.audit, list(row), [list(row.values())]
            )

        with pytest.raises(StoreUnavailable, match="cannot be used"):
            store.write_now(lose_the_connection_and_go_on)
        store.write_now(audit.note, 1.0, "back again")
        assert [each.text for each in store.read_now(audit.entries)] == ["back again"]
        store.close()
        other.close()


@pytest.mark.postgresql
def test_a_server_that_only_reads_for_now_is_explained(postgresql_server):
    with postgresql_server.database() as url:
        store = open_store(url)
        with store.engine.begin() as connection:
            name = connection.engine.url.database
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            )
        store.engine.dispose()
        with pytest.raises(StoreUnavailable, match="read-only transaction") as raised:
            store.write_now(audit.note, 1.0, "text")
        assert "writable" in explanation(raised)
        store.close()


@pytest.mark.postgresql
def test_a_server_whose_disk_is_full_is_explained(postgresql_server):
    def fill(tx):
        words = "No space left on device"
        raising = f"DO $$ BEGIN RAISE EXCEPTION '{words}' USING ERRCODE = 'disk_full'; END $$"
        tx.connection.execute(text(raising))

    with postgresql_server.database() as url:
        store = open_store(url)
        with pytest.raises(StoreUnavailable, match="No space left") as raised:
            store.write_now(fill)
        assert "Make room" in explanation(raised)
        store.close()


def test_our_own_mistakes_are_not_called_faults_of_the_machine(store):
    def break_a_rule(tx):
        tx.connection.execute(text("INSERT INTO lane (key) VALUES ('a'), ('a')"))

    with pytest.raises(IntegrityError):
        store.write_now(break_a_rule)
    with pytest.raises(ZeroDivisionError):
        store.read_now(lambda tx: 1 / 0)


def test_a_transaction_that_raises_writes_nothing(store):
    def note_and_fail(tx):
        audit.note(tx, 1.0, "text")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write_now(note_and_fail)
    assert store.read_now(audit.entries) == []


@pytest.mark.parametrize("inline", [True, False])
def test_reading_and_writing_without_blocking_do_the_same(store_url, inline):
    store = open_store(store_url, inline=inline)

    async def note_and_read():
        await store.write(audit.note, 1.0, "text", level="error")
        with pytest.raises(ZeroDivisionError):
            await store.read(lambda tx: 1 / 0)
        return await store.read(audit.entries, limit=5)

    assert asyncio.run(note_and_read()) == [audit.AuditEntry(1, 1.0, None, "error", "text")]
    store.close()


@pytest.mark.parametrize("inline", [True, False])
def test_a_store_in_memory_works(inline):
    store = open_store("sqlite://", inline=inline)

    async def note_and_read():
        await store.write(audit.note, 1.0, "text")
        return await store.read(audit.entries)

    assert len(asyncio.run(note_and_read())) == 1
    store.close()


def test_a_store_that_was_closed_twice_is_closed(store_url):
    store = open_store(store_url)
    store.close()
    store.close()
