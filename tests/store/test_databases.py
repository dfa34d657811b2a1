"""Databases of a benchmark's own."""

import psycopg
import pytest
from sqlalchemy import make_url

from store.databases import CannotMakeDatabase, database_beside, is_server
from store.schema import open_store, state_of

pytestmark = pytest.mark.postgresql


def names(url):
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_a_database_is_made_empty_beside_another_and_dropped_with_whoever_uses_it(
    postgresql_server,
):
    with postgresql_server.database() as url:
        with database_beside(url, "beside-1") as own:
            assert state_of(own).revision is None
            open_store(own).close()
            assert "beside-1" in names(url)
            plain = make_url(own).set(drivername="postgresql").render_as_string()
            lingering = psycopg.connect(plain)
        assert "beside-1" not in names(url)
        lingering.close()


def test_one_that_is_wanted_stays(postgresql_server):
    with postgresql_server.database() as url:
        with database_beside(url, "beside_2", keep=True):
            pass
        assert "beside_2" in names(url)
        with (
            pytest.raises(CannotMakeDatabase, match="already exists"),
            database_beside(url, "beside_2"),
        ):
            pass


def test_a_server_that_refuses_is_told_of(postgresql_server):
    with postgresql_server.database() as url:
        absent = make_url(url).set(database="absent").render_as_string(hide_password=False)
        with pytest.raises(CannotMakeDatabase) as caught, database_beside(absent, "beside_3"):
            pass
        assert "CREATEDB" in caught.value.remedy


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///x.db", False),
        ("sqlite://", False),
        ("postgresql+psycopg://me@host/name", True),
    ],
)
def test_a_url_names_a_server_or_a_file(url, expected):
    assert is_server(url) is expected
