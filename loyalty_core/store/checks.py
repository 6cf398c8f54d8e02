"""Table that the check of the state store writes to."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations

from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class StoreCheckRecord(Base):
    """When the store was last checked, in its one row."""

    __tablename__ = "store_checks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checked_at: Mapped[datetime]
