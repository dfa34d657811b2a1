"""The tables. Statuses are checked by constraints that are built from the state machines.

Times are seconds since 1970-01-01 UTC as floats, like every time in the pipeline. The tables never
leave this room: operations hand out frozen dataclasses.
"""

from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlmodel import Field, SQLModel

from mail.states import DeliveryStatus, MessageStatus
from store import (
    address_tables,
    inbound_tables,
    report_tables,
    retention_tables,
    submission_key_table,
    tracking_tables,
    webhook_tables,
)

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only for INTEGER keys


def _one_of(column: str, values: type[MessageStatus] | type[DeliveryStatus]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class DeliveryRow(SQLModel, table=True):
    """One campaign send."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(_one_of("status", DeliveryStatus), name="delivery_status"),
        Index("delivery_by_status", "status"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    label: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    affinity: str = Field(sa_column=Column(Text, nullable=False))
    priority: int = Field(sa_column=Column(Integer, nullable=False))
    part_size: int = Field(sa_column=Column(Integer, nullable=False))
    submitted_at: float = Field(sa_column=Column(Float, nullable=False))
    contact_at: float = Field(sa_column=Column(Float, nullable=False))
    expires_at: float = Field(sa_column=Column(Float, nullable=False))
    started_at: float | None = Field(sa_column=Column(Float))
    finished_at: float | None = Field(sa_column=Column(Float))
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))
    source_file: str = Field(sa_column=Column(Text, nullable=False))
    source: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    open_until: float | None = Field(sa_column=Column(Float))


class DeliveryDomainRow(SQLModel, table=True):
    """What a delivery sends to one domain, and what the configuration made of that domain."""

    __tablename__ = "delivery_domain"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    domain: str = Field(sa_column=Column(Text, primary_key=True))
    mx_group: str = Field(sa_column=Column(Text, nullable=False))
    source_ips: str = Field(sa_column=Column(Text, nullable=False))
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))


class MessageRow(SQLModel, table=True):
    """One recipient's copy."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(_one_of("status", MessageStatus), name="message_status"),
        Index("message_by_delivery", "delivery_id", "id"),
        # Those of some of its rows only: partial_indexes.py.
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    address: str = Field(sa_column=Column(Text, nullable=False))
    domain: str = Field(sa_column=Column(Text, nullable=False))
    mx_group: str = Field(sa_column=Column(Text, nullable=False))
    fields: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    part_id: int | None = Field(sa_column=Column(BigInteger))
    next_attempt_at: float | None = Field(sa_column=Column(Float))
    reason: int | None = Field(sa_column=Column(Integer))
    failure: str | None = Field(sa_column=Column(Text))
    source_ip: str | None = Field(sa_column=Column(Text))
    reply: str | None = Field(sa_column=Column(Text))
    content_id: int | None = Field(sa_column=Column(BigInteger))
    changed_at: float = Field(sa_column=Column(Float, nullable=False))
    cause: str | None = Field(sa_column=Column(Text))
    wave: int | None = Field(sa_column=Column(Integer))


class WaveRow(SQLModel, table=True):
    """One wave of a delivery that is sent in several; the first has number 1."""

    __tablename__ = "wave"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    wave: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    delay_s: float = Field(sa_column=Column(Float, nullable=False))
    starts_at: float = Field(sa_column=Column(Float, nullable=False))
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))
    started_at: float | None = Field(sa_column=Column(Float))


class ContentRow(SQLModel, table=True):
    """A message as an application submitted it, for all its recipients."""

    __tablename__ = "content"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    needs_smtputf8: bool = Field(sa_column=Column(Boolean, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stored_at: float | None = Field(sa_column=Column(Float))  # None: before this was kept


class PartRow(SQLModel, table=True):
    """A batch of messages of one delivery for one MX group; removed when all are answered."""

    __tablename__ = "part"
    __table_args__ = (
        CheckConstraint(
            "(state IN ('queued', 'held') AND worker_id IS NULL) OR "
            "(state = 'leased' AND worker_id IS NOT NULL AND source_ip IS NOT NULL)",
            name="part_state",
        ),
        # With the size, so that what waits is summed up without a look at the rows.
        Index("part_queue", "state", "delivery_id", "mx_group", "source_ips", "id", "size"),
        Index("part_by_worker", "worker_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    mx_group: str = Field(sa_column=Column(Text, nullable=False))
    source_ips: str = Field(sa_column=Column(Text, nullable=False))
    size: int = Field(sa_column=Column(Integer, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    epoch: int = Field(sa_column=Column(Integer, nullable=False))
    worker_id: int | None = Field(sa_column=Column(BigInteger))
    source_ip: str | None = Field(sa_column=Column(Text))
    lane: str | None = Field(sa_column=Column(Text))
    leased_at: float | None = Field(sa_column=Column(Float))
    leased_until: float | None = Field(sa_column=Column(Float))
    queued_at: float | None = Field(sa_column=Column(Float))
    wave: int | None = Field(sa_column=Column(Integer))
    quota_day: int | None = Field(sa_column=Column(Integer))  # its source IP's
    affinity_quota_day: int | None = Field(sa_column=Column(Integer))


class QuotaRow(SQLModel, table=True):
    """What of a day's quota is spent; days since 1970-01-01 UTC.

    ``source_ip`` "affinity": a quota of the affinity that ``mx_group`` names.
    """

    __tablename__ = "quota"

    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    mx_group: str = Field(sa_column=Column(Text, primary_key=True))
    day: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    used: int = Field(sa_column=Column(BigInteger, nullable=False))


class LaneRow(SQLModel, table=True):
    """What must outlive the owner of a limited lane: its rate limiter, a suspension.

    A suspension by the breaker says how many of how many attempts had failed. ``judged_since``:
    what was tried before does not count to the breaker.
    """

    __tablename__ = "lane"

    key: str = Field(sa_column=Column(Text, primary_key=True))
    tat: float | None = Field(sa_column=Column(Float))
    suspended_until: float | None = Field(sa_column=Column(Float))
    suspended_because: str | None = Field(sa_column=Column(Text))
    breaker_errors: int | None = Field(sa_column=Column(Integer))
    breaker_attempts: int | None = Field(sa_column=Column(Integer))
    judged_since: float | None = Field(sa_column=Column(Float))


class TransitionRow(SQLModel, table=True):
    """One change of one message; never updated."""

    __tablename__ = "transition"
    __table_args__ = (Index("transition_by_message", "message_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    message_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: float = Field(sa_column=Column(Float, nullable=False))
    event: str = Field(sa_column=Column(Text, nullable=False))
    from_status: str = Field(sa_column=Column(Text, nullable=False))
    to_status: str = Field(sa_column=Column(Text, nullable=False))
    attempt: int = Field(sa_column=Column(Integer, nullable=False))
    reason: int | None = Field(sa_column=Column(Integer))
    failure: str | None = Field(sa_column=Column(Text))
    mta: str | None = Field(sa_column=Column(Text))
    worker_id: int | None = Field(sa_column=Column(BigInteger))
    source_ip: str | None = Field(sa_column=Column(Text))
    code: int | None = Field(sa_column=Column(Integer))
    enhanced: str | None = Field(sa_column=Column(Text))
    text: str | None = Field(sa_column=Column(Text))
    duration_ms: float | None = Field(sa_column=Column(Float))
    size_bytes: int | None = Field(sa_column=Column(Integer))
    next_attempt_at: float | None = Field(sa_column=Column(Float))


class MtaInstanceRow(SQLModel, table=True):
    """``mta@NAME``: what it was configured with and when it last said that it lives."""

    __tablename__ = "mta_instance"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    affinities: str = Field(sa_column=Column(Text, nullable=False))
    workers: int = Field(sa_column=Column(Integer, nullable=False))
    host: str = Field(sa_column=Column(Text, nullable=False))
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    started_at: float = Field(sa_column=Column(Float, nullable=False))
    heartbeat_at: float = Field(sa_column=Column(Float, nullable=False))
    memory_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    stopped_at: float | None = Field(sa_column=Column(Float))


class WorkerRow(SQLModel, table=True):
    """One worker process of an instance; a new process is a new row."""

    __tablename__ = "worker"
    __table_args__ = (Index("worker_by_state", "state"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    instance: str = Field(sa_column=Column(Text, nullable=False))
    affinities: str = Field(sa_column=Column(Text, nullable=False))
    host: str = Field(sa_column=Column(Text, nullable=False))
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    journal: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    unbindable: str = Field(sa_column=Column(Text, nullable=False))
    started_at: float = Field(sa_column=Column(Float, nullable=False))
    heartbeat_at: float = Field(sa_column=Column(Float, nullable=False))
    memory_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    bind_errors: str | None = Field(sa_column=Column(Text))
    reference_at: float | None = Field(sa_column=Column(Float))
    progress_at: float | None = Field(sa_column=Column(Float))
    trouble: str | None = Field(sa_column=Column(Text))
    backlog: int | None = Field(sa_column=Column(Integer))
    tally: str | None = Field(sa_column=Column(Text))  # store.tally.Tally


class LaneReportRow(SQLModel, table=True):
    """What a worker does on a lane, from one source IP; the row goes when nothing is done there."""

    __tablename__ = "lane_report"

    worker_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    lane: str = Field(sa_column=Column(Text, primary_key=True))
    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    at: float = Field(sa_column=Column(Float, nullable=False))
    waiting: int = Field(sa_column=Column(Integer, nullable=False))
    in_flight: int = Field(sa_column=Column(Integer, nullable=False))
    slow: int = Field(sa_column=Column(Integer, nullable=False))
    taken: int = Field(sa_column=Column(Integer, nullable=False))
    allowed: int = Field(sa_column=Column(Integer, nullable=False))
    phases: str = Field(sa_column=Column(Text, nullable=False))
    tat: float | None = Field(sa_column=Column(Float))
    down_until: float | None = Field(sa_column=Column(Float))
    trouble: str | None = Field(sa_column=Column(Text))
    trouble_stage: str | None = Field(sa_column=Column(Text))
    trouble_cause: str | None = Field(sa_column=Column(Text))
    trouble_since: float | None = Field(sa_column=Column(Float))


class HaltRow(SQLModel, table=True):
    """An instance that an operator stopped; the row goes when it is started again."""

    __tablename__ = "halt"

    instance: str = Field(sa_column=Column(Text, primary_key=True))
    at: float = Field(sa_column=Column(Float, nullable=False))
    by: str = Field(sa_column=Column(Text, nullable=False))


class TraceRow(SQLModel, table=True):
    """What an operator wants recorded of what is said on connections."""

    __tablename__ = "trace"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    until: float = Field(sa_column=Column(Float, nullable=False))
    content: bool = Field(sa_column=Column(Boolean, nullable=False))
    by: str = Field(sa_column=Column(Text, nullable=False))


class ModuleRow(SQLModel, table=True):
    """The other long-running processes: scheduler and sinks."""

    __tablename__ = "module"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    host: str = Field(sa_column=Column(Text, nullable=False))
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    started_at: float = Field(sa_column=Column(Float, nullable=False))
    heartbeat_at: float = Field(sa_column=Column(Float, nullable=False))
    memory_bytes: int = Field(sa_column=Column(BigInteger, nullable=False))
    stopped_at: float | None = Field(sa_column=Column(Float))
    reference_at: float | None = Field(sa_column=Column(Float))
    tally: str | None = Field(sa_column=Column(Text))  # store.tally.Tally, of this process


class AuditRow(SQLModel, table=True):
    """What happened to a delivery or to the lab as a whole, in words."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_by_delivery", "delivery_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at: float = Field(sa_column=Column(Float, nullable=False))
    delivery_id: int | None = Field(sa_column=Column(BigInteger))
    level: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))


class StatusRollupRow(SQLModel, table=True):
    """Messages by delivery, status and reason (0 = none): the counter behind every total."""

    __tablename__ = "rollup_status"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    status: str = Field(sa_column=Column(Text, primary_key=True))
    reason: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))


class MinuteRollupRow(SQLModel, table=True):
    """Outcomes by minute, worker, source IP and MX group: the counter behind every rate."""

    __tablename__ = "rollup_minute"

    minute: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    mta: str = Field(sa_column=Column(Text, primary_key=True))
    worker_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    mx_group: str = Field(sa_column=Column(Text, primary_key=True))
    sent: int = Field(sa_column=Column(BigInteger, nullable=False))
    deferred: int = Field(sa_column=Column(BigInteger, nullable=False))
    failed: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))


metadata = SQLModel.metadata


def _table(model: type[SQLModel]) -> Table:
    return cast("Table", cast("Any", model).__table__)


delivery = _table(DeliveryRow)
delivery_domain = _table(DeliveryDomainRow)
message = _table(MessageRow)
wave = _table(WaveRow)
content = _table(ContentRow)
part = _table(PartRow)
quota = _table(QuotaRow)
lane = _table(LaneRow)
transition = _table(TransitionRow)
mta_instance = _table(MtaInstanceRow)
worker = _table(WorkerRow)
lane_report = _table(LaneReportRow)
halt = _table(HaltRow)
trace = _table(TraceRow)
module = _table(ModuleRow)
audit = _table(AuditRow)
address = _table(address_tables.AddressRow)
rollup_status = _table(StatusRollupRow)
rollup_minute = _table(MinuteRollupRow)
tracked_delivery = _table(tracking_tables.TrackedDeliveryRow)
tracked_url = _table(tracking_tables.TrackedUrlRow)
url_memory = _table(tracking_tables.UrlMemoryRow)
signing_key = _table(tracking_tables.SigningKeyRow)
tracking_log = _table(tracking_tables.TrackingLogRow)
tracked_message = _table(tracking_tables.TrackedMessageRow)
visitor = _table(tracking_tables.VisitorRow)
rollup_tracking = _table(tracking_tables.TrackingRollupRow)
rollup_engagement = _table(tracking_tables.EngagementRollupRow)
tracking_pointer = _table(tracking_tables.TrackingPointerRow)
delivery_retention = _table(retention_tables.DeliveryRetentionRow)
submission_key = _table(submission_key_table.SubmissionKeyRow)
webhook = _table(webhook_tables.WebhookRow)
webhook_dead = _table(webhook_tables.WebhookDeadRow)
failure_text = _table(address_tables.FailureTextRow)
inbound = _table(inbound_tables.InboundRow)
rollup_domain = _table(report_tables.DomainRollupRow)
rollup_path = _table(report_tables.PathRollupRow)
rollup_smtp_error = _table(report_tables.SmtpErrorRollupRow)
last_reply = _table(report_tables.LastReplyRow)
rollup_quarantine = _table(report_tables.QuarantineRollupRow)
