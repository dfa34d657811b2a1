"""The only SQL: tables, named operations over many rows, migrations, both databases.

The one writer of statuses. Hands out frozen dataclasses, never tables, rows or sessions.
"""
