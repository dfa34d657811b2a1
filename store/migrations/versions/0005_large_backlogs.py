"""Indexes by which a large backlog, and what is over, cost a look nothing"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RETRYING = sa.text("next_attempt_at IS NOT NULL")
_DUE = sa.text("status = 'pending' AND part_id IS NULL")
_UNSENT = sa.text("(status NOT IN ('pending', 'sent'))")
_WAY = ["state", "delivery_id", "mx_group", "source_ips", "id"]


def upgrade() -> None:
    op.drop_index("part_queue", table_name="part")
    op.create_index("part_queue", "part", [*_WAY, "size"], unique=False)
    # From now on only what waits outside any part has a time at which it is due.
    op.execute("UPDATE message SET next_attempt_at = NULL WHERE part_id IS NOT NULL")
    op.drop_index("message_by_delivery", table_name="message")
    op.create_index("message_by_delivery", "message", ["delivery_id", "id"], unique=False)
    op.drop_index("message_due", table_name="message")
    op.create_index(
        "message_due",
        "message",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=_RETRYING,
        postgresql_where=_RETRYING,
    )
    op.create_index(
        "message_retrying",
        "message",
        ["delivery_id", "mx_group", "next_attempt_at"],
        unique=False,
        sqlite_where=_RETRYING,
        postgresql_where=_RETRYING,
    )
    op.create_index(
        "message_unsent",
        "message",
        ["status", "id"],
        unique=False,
        sqlite_where=_UNSENT,
        postgresql_where=_UNSENT,
    )


def downgrade() -> None:
    op.drop_index("message_unsent", table_name="message")
    op.drop_index("message_retrying", table_name="message")
    op.drop_index("message_due", table_name="message")
    op.create_index(
        "message_due",
        "message",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=_DUE,
        postgresql_where=_DUE,
    )
    op.drop_index("message_by_delivery", table_name="message")
    op.create_index("message_by_delivery", "message", ["delivery_id"], unique=False)
    op.drop_index("part_queue", table_name="part")
    op.create_index("part_queue", "part", _WAY, unique=False)
