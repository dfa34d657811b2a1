"""What pruning needs to know, and to find old rows"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HAS_CONTENT = sa.text("content_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "delivery_retention",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pruned_at", sa.Float(), nullable=True),
        sa.Column("deleted_at", sa.Float(), nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=True),
        sa.Column("purged_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index(
        "message_by_content",
        "message",
        ["content_id"],
        sqlite_where=_HAS_CONTENT,
        postgresql_where=_HAS_CONTENT,
    )
    op.create_index("tracked_message_by_delivery", "tracked_message", ["delivery_id"])
    op.create_index("visitor_by_time", "visitor", ["clicked_at"])


def downgrade() -> None:
    op.drop_index("visitor_by_time", table_name="visitor")
    op.drop_index("tracked_message_by_delivery", table_name="tracked_message")
    op.drop_index("message_by_content", table_name="message")
    op.drop_table("delivery_retention")
