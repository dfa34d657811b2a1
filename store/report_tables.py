"""Tables of counters that only the reports read; written with what they count.

``tables`` brings them in, so that whoever has one table has all.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, Text
from sqlmodel import Field, SQLModel

SLOT_S: Final = 300  # the modelled system's aggregates are of five minutes, and so is its throttle


class DomainRollupRow(SQLModel, table=True):
    """Messages by delivery, domain, status and reason (0 = none), but for those pending.

    What is pending is the rest of what ``delivery_domain`` says was submitted: so an accepted
    message changes one row here, not two.
    """

    __tablename__ = "rollup_domain"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    domain: str = Field(sa_column=Column(Text, primary_key=True))
    status: str = Field(sa_column=Column(Text, primary_key=True))
    reason: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))


class PathRollupRow(SQLModel, table=True):
    """Outcomes by five minutes, delivery, source IP and MX group; bytes of what was sent."""

    __tablename__ = "rollup_path"

    slot: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    mx_group: str = Field(sa_column=Column(Text, primary_key=True))
    sent: int = Field(sa_column=Column(BigInteger, nullable=False))
    deferred: int = Field(sa_column=Column(BigInteger, nullable=False))
    failed: int = Field(sa_column=Column(BigInteger, nullable=False))
    bytes: int = Field(sa_column=Column(BigInteger, nullable=False))


class SmtpErrorRollupRow(SQLModel, table=True):
    """Failed attempts by five minutes, MX group, source IP, domain and kind of error.

    Kind ``expired`` counts messages, by the source IP of their last attempt ('' without any).
    """

    __tablename__ = "rollup_smtp_error"

    slot: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    mx_group: str = Field(sa_column=Column(Text, primary_key=True))
    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    domain: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    errors: int = Field(sa_column=Column(BigInteger, nullable=False))


class LastReplyRow(SQLModel, table=True):
    """The newest error reply of an MX group to a source IP, of each kind."""

    __tablename__ = "last_reply"

    mx_group: str = Field(sa_column=Column(Text, primary_key=True))
    source_ip: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    domain: str = Field(sa_column=Column(Text, nullable=False))
    at: float = Field(sa_column=Column(Float, nullable=False))
    code: int | None = Field(sa_column=Column(Integer))
    text: str = Field(sa_column=Column(Text, nullable=False))


class QuarantineRollupRow(SQLModel, table=True):
    """Addresses that were put in quarantine for an error of a delivery."""

    __tablename__ = "rollup_quarantine"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    addresses: int = Field(sa_column=Column(BigInteger, nullable=False))
