"""Messages may have a content of their own, and deliveries stay open for more"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "content",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("needs_smtputf8", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.add_column("message", sa.Column("content_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("open_until", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("delivery", "open_until")
    op.drop_column("message", "content_id")
    op.drop_table("content")
