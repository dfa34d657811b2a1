"""Tables of what is tracked: URLs of deliveries, the tracking log, and its counters.

``tables`` brings them in, so that whoever has one table has all.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")


class TrackedDeliveryRow(SQLModel, table=True):
    """A delivery whose links are tracked; without a row it is not."""

    __tablename__ = "tracked_delivery"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    base: str = Field(sa_column=Column(Text, nullable=False))  # of its links, without a slash
    has_pixel: bool = Field(sa_column=Column(Boolean, nullable=False))
    is_text: bool = Field(sa_column=Column(Boolean, nullable=False))  # no HTML: opens unseen
    valid_until: float | None = Field(sa_column=Column(Float))  # None: for ever
    expired_url: str | None = Field(sa_column=Column(Text))  # where links lead afterwards


class TrackedUrlRow(SQLModel, table=True):
    """A URL of a delivery's content as its source has it; number 1 is the open pixel."""

    __tablename__ = "tracked_url"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    url: str = Field(sa_column=Column(Text, nullable=False))
    label: str = Field(sa_column=Column(Text, nullable=False))
    category: str = Field(sa_column=Column(Text, nullable=False))
    mode: str = Field(sa_column=Column(Text, nullable=False))  # tracking.urls.Mode
    kind: int = Field(sa_column=Column(Integer, nullable=False))  # mail.tracked.Kind


class UrlMemoryRow(SQLModel, table=True):
    """A URL that is always or never tracked, in whatever delivery."""

    __tablename__ = "url_memory"

    url: str = Field(sa_column=Column(Text, primary_key=True))
    mode: str = Field(sa_column=Column(Text, nullable=False))
    label: str = Field(sa_column=Column(Text, nullable=False))
    category: str = Field(sa_column=Column(Text, nullable=False))
    set_at: float = Field(sa_column=Column(Float, nullable=False))


class SigningKeyRow(SQLModel, table=True):
    """A key that seals links and return paths; the newest seals, all of them open."""

    __tablename__ = "signing_key"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: float = Field(sa_column=Column(Float, nullable=False))


class TrackingLogRow(SQLModel, table=True):
    """One open, click, page or transaction; never updated."""

    __tablename__ = "tracking_log"
    __table_args__ = (
        Index("tracking_log_by_event", "event", unique=True),
        Index("tracking_log_by_delivery", "delivery_id", "id"),
        Index("tracking_log_by_message", "message_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True))
    event: str = Field(sa_column=Column(Text, nullable=False))  # its name in the server's log
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    message_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    url: int = Field(sa_column=Column(Integer, nullable=False))  # number of the tracked URL
    kind: int = Field(sa_column=Column(Integer, nullable=False))
    at: float = Field(sa_column=Column(Float, nullable=False))
    person: str = Field(sa_column=Column(Text, nullable=False))  # the browser's cookie
    agent: str = Field(sa_column=Column(Text, nullable=False))
    ip: str = Field(sa_column=Column(Text, nullable=False))
    machine: str | None = Field(sa_column=Column(Text))  # why it is no human's; None: it may be
    page: str | None = Field(sa_column=Column(Text))  # of kinds 4 and 5
    amount: float | None = Field(sa_column=Column(Float))
    articles: int | None = Field(sa_column=Column(Integer))


class TrackedMessageRow(SQLModel, table=True):
    """When something first came back of a message; of humans apart."""

    __tablename__ = "tracked_message"
    __table_args__ = (Index("tracked_message_by_delivery", "delivery_id"),)

    message_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    opened_at: float | None = Field(sa_column=Column(Float))  # any log: a click implies an open
    clicked_at: float | None = Field(sa_column=Column(Float))
    human_opened_at: float | None = Field(sa_column=Column(Float))
    human_clicked_at: float | None = Field(sa_column=Column(Float))


class VisitorRow(SQLModel, table=True):
    """A browser that clicked in a delivery, by its cookie."""

    __tablename__ = "visitor"
    __table_args__ = (Index("visitor_by_time", "clicked_at"),)

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    person: str = Field(sa_column=Column(Text, primary_key=True))
    clicked_at: float = Field(sa_column=Column(Float, nullable=False))
    human_clicked_at: float | None = Field(sa_column=Column(Float))


class TrackingRollupRow(SQLModel, table=True):
    """Tracking logs by delivery, URL, kind and five minutes; of machines apart."""

    __tablename__ = "rollup_tracking"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    url: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    slot: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    is_machine: bool = Field(sa_column=Column(Boolean, primary_key=True))
    logs: int = Field(sa_column=Column(BigInteger, nullable=False))
    amount: float = Field(sa_column=Column(Float, nullable=False))
    articles: int = Field(sa_column=Column(BigInteger, nullable=False))


class EngagementRollupRow(SQLModel, table=True):
    """Recipients by delivery and domain: how many opened and clicked, opted out, looked again.

    ``humans`` 1: what machines did is left out; 0: all counts.
    """

    __tablename__ = "rollup_engagement"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    domain: str = Field(sa_column=Column(Text, primary_key=True))
    humans: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    opened: int = Field(sa_column=Column(BigInteger, nullable=False))  # distinct messages
    clicked: int = Field(sa_column=Column(BigInteger, nullable=False))  # distinct messages
    opt_outs: int = Field(sa_column=Column(BigInteger, nullable=False))  # logs
    persons: int = Field(sa_column=Column(BigInteger, nullable=False))  # distinct browsers


class TrackingPointerRow(SQLModel, table=True):
    """How far a log of the tracking server has been read into the store, in bytes."""

    __tablename__ = "tracking_pointer"

    log: str = Field(sa_column=Column(Text, primary_key=True))
    read_to: int = Field(sa_column=Column(BigInteger, nullable=False))
