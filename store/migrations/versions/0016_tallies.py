"""What processes counted, told with their heartbeats"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("worker", "module"):
        op.add_column(name, sa.Column("tally", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("worker", "module"):
        op.drop_column(name, "tally")
