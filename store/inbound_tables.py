"""Table of what came back by mail."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")


class InboundRow(SQLModel, table=True):
    """A mail that came to a return path, as it came, and what was made of it."""

    __tablename__ = "inbound"
    __table_args__ = (
        Index("inbound_by_digest", "digest", unique=True),
        Index("inbound_by_effect", "effect", "id"),
        Index("inbound_by_delivery", "delivery_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True))
    received_at: float = Field(sa_column=Column(Float, nullable=False))
    recipient: str = Field(sa_column=Column(Text, nullable=False))
    sender: str = Field(sa_column=Column(Text, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))  # mail.inbound.InboundKind
    digest: str = Field(sa_column=Column(Text, nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    delivery_id: int | None = Field(sa_column=Column(BigInteger))
    message_id: int | None = Field(sa_column=Column(BigInteger))
    matched_by: str = Field(sa_column=Column(Text, nullable=False))  # mail.inbound.MatchedBy
    effect: str = Field(sa_column=Column(Text, nullable=False))  # mail.inbound.Effect
    failure: str | None = Field(sa_column=Column(Text))
    reason: int | None = Field(sa_column=Column(Integer))
    code: int | None = Field(sa_column=Column(Integer))
    enhanced: str | None = Field(sa_column=Column(Text))
    rule: str | None = Field(sa_column=Column(Text))  # that judged
    text: str = Field(sa_column=Column(Text, nullable=False))
    qualification: str = Field(sa_column=Column(Text, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
