"""Table of what each viewer has dismissed."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations

from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class DismissalRecord(Base):
    """One viewer has seen enough of one hint, such as the tour."""

    __tablename__ = "dismissals"

    viewer: Mapped[str] = mapped_column(primary_key=True)
    hint: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
