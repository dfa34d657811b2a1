"""Parts are looked at by way, messages replanned by domain"""

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PENDING = text("status = 'pending'")
_LEASED = "(state = 'leased' AND worker_id IS NOT NULL AND source_ip IS NOT NULL)"
_OLD_STATES = f"(state = 'queued' AND worker_id IS NULL) OR {_LEASED}"
_STATES = f"(state IN ('queued', 'held') AND worker_id IS NULL) OR {_LEASED}"


def _check(states: str) -> None:
    """SQLite makes the table anew, without its check; PostgreSQL drops it by name."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("part", recreate="always") as batch:
            batch.create_check_constraint("part_state", states)
    else:
        op.drop_constraint("part_state", "part", type_="check")
        op.create_check_constraint("part_state", "part", states)


def upgrade() -> None:
    op.drop_index("part_queue", table_name="part")
    op.create_index(
        "part_queue", "part", ["state", "delivery_id", "mx_group", "source_ips", "id"], unique=False
    )
    op.drop_index("message_pending", table_name="message")
    op.create_index(
        "message_pending",
        "message",
        ["delivery_id", "domain"],
        unique=False,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    _check(_STATES)
    op.execute("UPDATE part SET state = 'held' WHERE state = 'queued' AND source_ips = ''")


def downgrade() -> None:
    op.execute("UPDATE part SET state = 'queued' WHERE state = 'held'")
    _check(_OLD_STATES)
    op.drop_index("message_pending", table_name="message")
    op.create_index(
        "message_pending",
        "message",
        ["delivery_id"],
        unique=False,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.drop_index("part_queue", table_name="part")
    op.create_index("part_queue", "part", ["state", "delivery_id", "mx_group", "id"], unique=False)
