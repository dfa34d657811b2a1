"""Indexes of some rows of a table only; the schema needs them, operations do not.

Apart from the tables, since SQLAlchemy loads PostgreSQL's dialect where one of its options is
named: a twentieth of a process's start, which those on SQLite can do without.
"""

from sqlalchemy import ColumnElement, Index

from store.tables import message


def _of_messages(name: str, *columns: str, where: ColumnElement[bool]) -> None:
    """An index belongs to the table of its columns as soon as it is made."""
    Index(name, *(message.c[each] for each in columns), sqlite_where=where, postgresql_where=where)


_of_messages("message_by_part", "part_id", where=message.c.part_id.is_not(None))
_of_messages("message_due", "next_attempt_at", where=message.c.next_attempt_at.is_not(None))
# What waits for a retry, counted by group; an outcome that is no deferral leaves it alone.
_of_messages(
    "message_retrying",
    "delivery_id",
    "mx_group",
    "cause",
    "next_attempt_at",
    where=message.c.next_attempt_at.is_not(None),
)
# The few that the log is asked for most; what is sent leaves it alone.
_of_messages("message_unsent", "status", "id", where=message.c.status.not_in(("pending", "sent")))
_of_messages("message_pending", "delivery_id", "domain", where=message.c.status == "pending")
# To which messages a submitted content belongs: it is pruned with the last of them.
_of_messages("message_by_content", "content_id", where=message.c.content_id.is_not(None))
