"""What came back by mail, texts of failures, more about addresses"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_quality()


def downgrade() -> None:
    _drop_quality()


def _add_quality() -> None:
    op.create_index("address_by_status", "address", ["status", "counted_at"], unique=False)
    op.create_table(
        "failure_text",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_text", sa.Text(), nullable=False),
        sa.Column("first_at", sa.Float(), nullable=False),
        sa.Column("last_at", sa.Float(), nullable=False),
        sa.Column("occurrences", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "failure_text_by_status", "failure_text", ["status", "occurrences"], unique=False
    )


def _drop_quality() -> None:
    op.drop_index("failure_text_by_status", table_name="failure_text")
    op.drop_table("failure_text")
    op.drop_index("address_by_status", table_name="address")
