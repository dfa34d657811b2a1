"""The migrations make what the tables say, once, whoever comes at the same time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

import store.partial_indexes  # noqa: F401 - they are part of the metadata
from store import schema, tables
from store.errors import StoreTooNew
from store.schema import open_store

OPEN = "import sys; from store.schema import open_store; open_store(sys.argv[1]).close()"


@pytest.fixture
def fresh_url(engine_name, request, tmp_path):
    """A database without a single table."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    with server.database(template="template0") as url:
        yield url


def described(engine):
    """Tables, columns, keys, indexes with their conditions and checks, as the database has them."""
    found = inspect(engine)
    names = sorted(set(found.get_table_names()) - {"alembic_version"})

    def plain(rows):
        return sorted(str(words(row)) for row in rows)

    def words(value):
        if isinstance(value, dict):
            return sorted((key, words(each)) for key, each in value.items())
        return str(value)

    return {
        name: {
            "columns": plain(found.get_columns(name)),
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "indexes": plain(found.get_indexes(name)),
            "checks": plain(found.get_check_constraints(name)),
        }
        for name in names
    }


def test_migrating_gives_the_tables_that_the_code_has(store):
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_and_to_the_last_constraint_what_creating_them_gives(fresh_url, store):
    engine = create_engine(fresh_url)
    tables.metadata.create_all(engine)
    assert described(store.engine) == described(engine)
    engine.dispose()


def test_head_is_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_a_fresh_store_is_made_and_found_again(fresh_url):
    for _ in range(2):
        store = open_store(fresh_url)
        with store.engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        store.close()
        assert found == schema.HEAD


def test_opening_a_store_keeps_what_is_in_it(hand, store_url):
    hand.submit()
    before = hand.everything()
    open_store(store_url).close()
    assert hand.everything() == before


def test_threads_that_open_a_fresh_store_at_once_all_succeed(fresh_url):
    together = Barrier(4)

    def come(_):
        together.wait()
        open_store(fresh_url).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, range(4)))
    open_store(fresh_url).close()


def test_processes_that_open_a_fresh_store_at_once_all_succeed(fresh_url):
    running = [
        subprocess.Popen([sys.executable, "-c", OPEN, fresh_url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [each.communicate()[1] for each in running] == ["", ""]
    assert [each.returncode for each in running] == [0, 0]


def test_a_store_of_a_newer_mtalab_is_left_alone(hand, store, store_url):
    store.write_now(
        lambda tx: tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )
    before = hand.everything()
    with pytest.raises(StoreTooNew) as raised:
        open_store(store_url)
    assert "is of schema 9999" in str(raised.value)
    assert "Use the mtalab that made it" in str(raised.value)
    assert hand.everything() == before


def test_a_migration_that_fails_leaves_nothing_behind(fresh_url, monkeypatch):
    made = []

    def fail_at_the_fifth(name, *columns):
        made.append(name)
        assert len(made) < 5
        create_table(name, *columns)

    create_table = op.create_table
    monkeypatch.setattr(op, "create_table", fail_at_the_fifth)
    with pytest.raises(AssertionError):
        open_store(fresh_url)
    monkeypatch.undo()
    engine = create_engine(fresh_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    open_store(fresh_url).close()
