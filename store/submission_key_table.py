"""Keys that make a submission happen once; ``tables`` brings it in."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Text
from sqlmodel import Field, SQLModel


class SubmissionKeyRow(SQLModel, table=True):
    """A key that came with a submission, and what has become of that."""

    __tablename__ = "submission_key"
    __table_args__ = (Index("submission_key_by_time", "taken_at"),)

    key: str = Field(sa_column=Column(Text, primary_key=True))
    digest: str = Field(sa_column=Column(Text, nullable=False))  # of all that was submitted
    holder: str = Field(sa_column=Column(Text, nullable=False))  # who is at it, or was
    host: str = Field(sa_column=Column(Text, nullable=False))  # its process
    pid: int = Field(sa_column=Column(Integer, nullable=False))
    taken_at: float = Field(sa_column=Column(Float, nullable=False))
    delivery_id: int | None = Field(sa_column=Column(BigInteger))  # None: not created yet
    answer: str | None = Field(sa_column=Column(Text))  # None: not confirmed yet
