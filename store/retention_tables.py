"""What is deleted or pruned of deliveries; ``tables`` brings it in."""

from sqlalchemy import BigInteger, Column, Float, Text
from sqlmodel import Field, SQLModel


class DeliveryRetentionRow(SQLModel, table=True):
    """A delivery that an operator deleted, or whose messages are pruned; most have no row."""

    __tablename__ = "delivery_retention"

    delivery_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    pruned_at: float | None = Field(sa_column=Column(Float))  # since then its messages go
    deleted_at: float | None = Field(sa_column=Column(Float))  # None: it can be seen
    deleted_by: str | None = Field(sa_column=Column(Text))
    purged_at: float | None = Field(sa_column=Column(Float))  # since then all of it goes
