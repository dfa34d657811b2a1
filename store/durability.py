"""How much of what was committed a power cut may take back."""

from enum import StrEnum


class Durability(StrEnum):
    """A level; at each of them a killed process loses nothing that was committed.

    SQLite's ``synchronous`` in WAL mode (https://www.sqlite.org/pragma.html#pragma_synchronous),
    PostgreSQL's ``synchronous_commit``
    (https://www.postgresql.org/docs/current/runtime-config-wal.html).
    """

    OFF = "off"  # SQLite: the file itself may be damaged; PostgreSQL: the last commits are lost
    NORMAL = "normal"  # SQLite: the last commits are lost; PostgreSQL: as its server is set up
    FULL = "full"  # nothing is lost
