"""Webhooks: how far each has been told, and what could not be told."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Text
from sqlmodel import Field, SQLModel

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")


class WebhookRow(SQLModel, table=True):
    """The cursors of one webhook; what is between them and the end of its request is under way."""

    __tablename__ = "webhook"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    salt: str = Field(sa_column=Column(Text, nullable=False))  # of the ids of its requests
    transition_id: int = Field(sa_column=Column(BigInteger, nullable=False))  # told up to here
    tracking_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    to_transition_id: int | None = Field(sa_column=Column(BigInteger))  # ends of its request
    to_tracking_id: int | None = Field(sa_column=Column(BigInteger))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))  # of that request
    next_at: float | None = Field(sa_column=Column(Float))  # when it is tried again
    error: str | None = Field(sa_column=Column(Text))  # why it was not taken the last time
    posted: int = Field(sa_column=Column(BigInteger, nullable=False))  # events that were taken
    posted_at: float | None = Field(sa_column=Column(Float))


class WebhookDeadRow(SQLModel, table=True):
    """A dead letter: a request that was not taken however often it was tried."""

    __tablename__ = "webhook_dead"
    __table_args__ = (Index("webhook_dead_by_webhook", "webhook", "id"),)

    id: int | None = Field(default=None, sa_column=Column(_BIG_ID, primary_key=True))
    webhook: str = Field(sa_column=Column(Text, nullable=False))
    message: str = Field(sa_column=Column(Text, nullable=False))  # the request's id
    body: str = Field(sa_column=Column(Text, nullable=False))
    events: int = Field(sa_column=Column(Integer, nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    error: str = Field(sa_column=Column(Text, nullable=False))
    died_at: float = Field(sa_column=Column(Float, nullable=False))
    asked_at: float | None = Field(sa_column=Column(Float))  # somebody wants it tried again
