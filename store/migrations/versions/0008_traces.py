"""Traces that an operator wants; when a content came, which is when its messages did"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trace",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("content", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
    )
    op.add_column("content", sa.Column("stored_at", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("content", "stored_at")
    op.drop_table("trace")
