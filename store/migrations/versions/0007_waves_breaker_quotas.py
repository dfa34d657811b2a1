"""Waves of deliveries, the breaker of lanes, daily quotas of source IPs"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NEW: dict[str, list[tuple[str, Any]]] = {
    "message": [("wave", sa.Integer)],
    "part": [("wave", sa.Integer), ("quota_day", sa.Integer)],
    "lane": [
        ("breaker_errors", sa.Integer),
        ("breaker_attempts", sa.Integer),
        ("judged_since", sa.Float),
    ],
}


def upgrade() -> None:
    op.create_table(
        "wave",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wave", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delay_s", sa.Float(), nullable=False),
        sa.Column("starts_at", sa.Float(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", "wave"),
    )
    op.create_table(
        "quota",
        sa.Column("source_ip", sa.Text(), nullable=False),
        sa.Column("mx_group", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_ip", "mx_group", "day"),
    )
    for table, columns in _NEW.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    for table, columns in _NEW.items():
        for name, _ in reversed(columns):
            op.drop_column(table, name)
    op.drop_table("quota")
    op.drop_table("wave")
