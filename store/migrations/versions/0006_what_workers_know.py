"""What workers know of what they have in hand, and why a deferred message waits"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_RETRYING = sa.text("next_attempt_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("message", sa.Column("cause", sa.Text()))
    op.add_column("part", sa.Column("queued_at", sa.Float()))
    _index(["delivery_id", "mx_group", "cause", "next_attempt_at"])
    op.add_column("module", sa.Column("reference_at", sa.Float()))
    op.add_column("worker", sa.Column("bind_errors", sa.Text()))
    op.add_column("worker", sa.Column("reference_at", sa.Float()))
    op.add_column("worker", sa.Column("progress_at", sa.Float()))
    op.add_column("worker", sa.Column("trouble", sa.Text()))
    op.add_column("worker", sa.Column("backlog", sa.Integer()))
    op.create_table(
        "lane_report",
        sa.Column("worker_id", sa.BigInteger(), autoincrement=False, primary_key=True),
        sa.Column("lane", sa.Text(), primary_key=True),
        sa.Column("source_ip", sa.Text(), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("slow", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("phases", sa.Text(), nullable=False),
        sa.Column("tat", sa.Float()),
        sa.Column("down_until", sa.Float()),
        sa.Column("trouble", sa.Text()),
        sa.Column("trouble_stage", sa.Text()),
        sa.Column("trouble_cause", sa.Text()),
        sa.Column("trouble_since", sa.Float()),
    )


def downgrade() -> None:
    op.drop_table("lane_report")
    for name in ("backlog", "trouble", "progress_at", "reference_at", "bind_errors"):
        op.drop_column("worker", name)
    op.drop_column("module", "reference_at")
    _index(["delivery_id", "mx_group", "next_attempt_at"])
    op.drop_column("part", "queued_at")
    op.drop_column("message", "cause")


def _index(columns: list[str]) -> None:
    op.drop_index("message_retrying", table_name="message")
    op.create_index(
        "message_retrying",
        "message",
        columns,
        unique=False,
        sqlite_where=_RETRYING,
        postgresql_where=_RETRYING,
    )
