"""Instances that an operator stopped"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "halt",
        sa.Column("instance", sa.Text(), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("halt")
