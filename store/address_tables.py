"""Tables of address quality: addresses, and the texts by which receivers refuse.

``tables`` brings them in, so that whoever has one table has all.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Text
from sqlmodel import Field, SQLModel


class AddressRow(SQLModel, table=True):
    """An address with errors, or one that somebody decided about (``mail.address_status``).

    ``counted_at`` is when an error last counted, or when it was decided; ``delivery_id`` is 0 where
    no delivery had to do with it.
    """

    __tablename__ = "address"
    __table_args__ = (Index("address_by_status", "status", "counted_at"),)

    address: str = Field(sa_column=Column(Text, primary_key=True))
    status: str = Field(sa_column=Column(Text, nullable=False))
    errors: int = Field(sa_column=Column(Integer, nullable=False))
    reason: int = Field(sa_column=Column(Integer, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    delivery_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    counted_at: float = Field(sa_column=Column(Float, nullable=False))


class FailureTextRow(SQLModel, table=True):
    """A text of replies or bounces, with all that differs between them masked."""

    __tablename__ = "failure_text"
    __table_args__ = (Index("failure_text_by_status", "status", "occurrences"),)

    key: str = Field(sa_column=Column(Text, primary_key=True))  # digest of code and text
    code: int | None = Field(sa_column=Column(Integer))  # None: no reply, a bounce or an error
    text: str = Field(sa_column=Column(Text, nullable=False))  # masked
    first_text: str = Field(sa_column=Column(Text, nullable=False))  # as it came first
    first_at: float = Field(sa_column=Column(Float, nullable=False))
    last_at: float = Field(sa_column=Column(Float, nullable=False))
    occurrences: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = Field(sa_column=Column(Text, nullable=False))  # to_qualify, keep, ignore
    failure: str = Field(sa_column=Column(Text, nullable=False))
    reason: int = Field(sa_column=Column(Integer, nullable=False))
    rule: str = Field(sa_column=Column(Text, nullable=False))  # that judged it last
