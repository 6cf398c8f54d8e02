"""Table of the customers whose cached features other processes remove, too."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import ROW_NUMBER, Base


class InvalidationRecord(Base):
    """Customers whose features a process has removed from its cache; `customer_ids` is None for all customers."""

    __tablename__ = "feature_invalidations"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    at: Mapped[datetime]
    process: Mapped[str]
    customer_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
