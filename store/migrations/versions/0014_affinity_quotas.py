"""Which parts were lent within a daily quota of their affinity"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("part", sa.Column("affinity_quota_day", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("part", "affinity_quota_day")
