"""Whose turn it is to write, when SQLite says in more than one way that it is not ours."""

import sqlite3

import pytest

from store.dialects import sqlite


class Locked:
    """A connection that finds the file locked some times, and notes what it was told."""

    def __init__(self, code, times):
        self.code, self.times, self.said = code, times, []
        self.connection = self.driver_connection = self

    def execute(self, statement):
        self.said.append(statement)
        if statement.startswith("BEGIN") and self.times:
            self.times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error

    exec_driver_sql = execute


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY])
def test_it_is_waited_for_whatever_the_file_is_locked_for(code):
    connection = Locked(code, times=20)
    sqlite._take_turn(connection)
    assert connection.said.count("BEGIN IMMEDIATE") == 21
    assert connection.said[-1] == f"PRAGMA busy_timeout = {sqlite.BUSY_TIMEOUT_MS}"


def test_other_errors_come_at_once():
    connection = Locked(sqlite3.SQLITE_IOERR, times=20)
    with pytest.raises(sqlite3.OperationalError):
        sqlite._take_turn(connection)
    assert connection.said.count("BEGIN IMMEDIATE") == 2
