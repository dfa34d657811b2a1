"""The level of durability reaches every connection of a store."""

import pytest
from sqlalchemy import text

from store.durability import Durability
from store.schema import open_store

_SQLITE = {Durability.OFF: 0, Durability.NORMAL: 1, Durability.FULL: 2}
_POSTGRESQL = {Durability.OFF: "off", Durability.FULL: "on"}


@pytest.mark.parametrize("level", Durability)
def test_sqlite_files_are_synchronized_as_told(tmp_path, level):
    store = open_store(f"sqlite:///{tmp_path / 'lab.db'}", durability=level)
    try:
        said = [
            store.read_now(lambda tx: tx.connection.scalar(text("PRAGMA synchronous"))),
            store.write_now(lambda tx: tx.connection.scalar(text("PRAGMA synchronous"))),
        ]
    finally:
        store.close()
    assert said == [_SQLITE[level]] * 2


@pytest.mark.parametrize("level", _POSTGRESQL)
def test_postgresql_commits_as_told(postgresql_server, level):
    with postgresql_server.database() as url:
        store = open_store(url, durability=level)
        try:
            said = store.read_now(lambda tx: tx.connection.scalar(text("SHOW synchronous_commit")))
        finally:
            store.close()
    assert said == _POSTGRESQL[level]
