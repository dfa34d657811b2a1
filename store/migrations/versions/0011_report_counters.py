"""Counters behind the reports, filled from what there is"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SUMS = ("sent", "deferred", "failed", "bytes")


def upgrade() -> None:
    op.create_table(
        "last_reply",
        sa.Column("mx_group", sa.Text(), nullable=False),
        sa.Column("source_ip", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mx_group", "source_ip", "kind"),
    )
    op.create_table(
        "rollup_domain",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "domain", "status", "reason"),
    )
    op.create_table(
        "rollup_path",
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_ip", sa.Text(), nullable=False),
        sa.Column("mx_group", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("slot", "delivery_id", "source_ip", "mx_group"),
    )
    op.create_table(
        "rollup_quarantine",
        sa.Column("delivery_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("addresses", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_table(
        "rollup_smtp_error",
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mx_group", sa.Text(), nullable=False),
        sa.Column("source_ip", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "mx_group", "source_ip", "domain", "kind"),
    )
    for statement in _filling():
        op.execute(statement)


def _filling() -> list[str]:
    """Counts what was there before there were counters; once, whatever it takes."""
    number = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    floor = "FLOOR(t.at / 300)" if number == "BIGINT" else "t.at / 300"  # SQLite's cast cuts off
    slot = f"CAST({floor} AS {number})"
    kind = (
        "CASE WHEN t.event LIKE 'expired%' THEN 'expired' "
        "WHEN t.code IS NULL AND t.reason = 204 THEN 'unsent' "
        "WHEN t.code IS NULL THEN 'aborted' "
        "WHEN t.event = 'refused' THEN 'refused' ELSE 'errors' END"
    )
    source_ip = "COALESCE(t.source_ip, m.source_ip, '')"
    joined = "FROM transition t JOIN message m ON m.id = t.message_id"
    of_errors = "t.event IN ('deferred', 'refused', 'expired_untried', 'expired_tried')"
    sent = "t.to_status = 'sent'"
    # What was never confirmed is in no counter.
    domains = (
        "INSERT INTO rollup_domain SELECT m.delivery_id, m.domain, m.status, "
        "COALESCE(m.reason, 0), COUNT(*) FROM message m JOIN delivery d ON d.id = m.delivery_id "
        "WHERE m.status <> 'pending' AND d.status NOT IN ('editing', 'failed') GROUP BY 1, 2, 3, 4"
    )
    quarantines = (
        "INSERT INTO rollup_quarantine SELECT delivery_id, COUNT(*) FROM address "
        "WHERE status = 'quarantined' GROUP BY delivery_id"
    )
    paths = (
        f"INSERT INTO rollup_path SELECT {slot}, t.delivery_id, t.source_ip, m.mx_group, "
        f"SUM(CASE WHEN {sent} THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN t.to_status = 'pending' THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN t.to_status = 'failed' THEN 1 ELSE 0 END), "
        f"SUM(CASE WHEN {sent} THEN t.size_bytes ELSE 0 END) "
        f"{joined} WHERE t.worker_id IS NOT NULL GROUP BY 1, 2, 3, 4"
    )
    errors = (
        f"INSERT INTO rollup_smtp_error SELECT {slot}, m.mx_group, {source_ip}, m.domain, {kind}, "
        f"COUNT(*) {joined} WHERE {of_errors} GROUP BY 1, 2, 3, 4, 5"
    )
    replies = (
        "INSERT INTO last_reply SELECT mx_group, source_ip, kind, domain, at, code, text FROM ("  # noqa: S608 - our own words
        f"SELECT m.mx_group, {source_ip} AS source_ip, {kind} AS kind, m.domain, t.at, t.code, "
        "COALESCE(t.text, '') AS text, ROW_NUMBER() OVER "
        f"(PARTITION BY m.mx_group, {source_ip}, {kind} ORDER BY t.at DESC, t.id DESC) AS place "
        f"{joined} WHERE {of_errors}) AS newest WHERE place = 1"
    )
    return [domains, quarantines, paths, errors, replies]


def downgrade() -> None:
    for table in ("smtp_error", "quarantine", "path", "domain"):
        op.drop_table(f"rollup_{table}")
    op.drop_table("last_reply")
