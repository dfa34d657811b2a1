"""The store's engine: which database a URL names, and what its errors advise."""

import pytest

from store import engine
from store.dialects.postgresql import PostgresqlDialect
from store.dialects.sqlite import SqliteDialect
from store.errors import BadStoreUrl
from store.parts import join_ips, split_ips


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("sqlite://", SqliteDialect),
        ("sqlite:///lab.db", SqliteDialect),
        ("sqlite+pysqlite:////var/lab.db", SqliteDialect),
        ("postgresql+psycopg://me@host/lab", PostgresqlDialect),
        ("postgresql+psycopg://me@/lab?host=/run/postgresql", PostgresqlDialect),
    ],
)
def test_a_url_names_its_database(url, dialect):
    assert isinstance(engine._dialect_of(url), dialect)


@pytest.mark.parametrize("url", ["", "lab.db", "postgresql://host/lab", "mysql://host/lab", "://"])
def test_any_other_url_is_refused(url):
    with pytest.raises(BadStoreUrl, match="is not a store URL"):
        engine._dialect_of(url)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("attempt to write a readonly database", "writable"),
        ("cannot execute INSERT in a read-only transaction", "writable"),
        ("database is locked", "end that one"),
        ("database or disk is full", "Make room"),
        ('could not extend file "base/5/1": No space left on device', "Make room"),
        ("disk I/O error", "Make room"),
        ("file is not a database", "Move the file away"),
        ("database disk image is malformed", "Move the file away"),
        ("unable to open database file", "folder exists"),
        ("connection refused", "server runs"),
    ],
)
def test_each_fault_has_its_advice(text, advice):
    assert advice in engine._remedy(text)


@pytest.mark.parametrize("source_ips", [(), ("127.0.0.1",), ("127.0.0.1", "::1")])
def test_source_ips_are_kept_in_their_order(source_ips):
    assert split_ips(join_ips(source_ips)) == source_ips
