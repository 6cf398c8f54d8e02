"""Table of the dashboards: each viewer's layout of the cards."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class DashboardLayoutRecord(Base):
    """One viewer's layout of Overview: the position and size of each card in the grid."""

    __tablename__ = "dashboard_layouts"

    viewer: Mapped[str] = mapped_column(primary_key=True)
    layout: Mapped[Any] = mapped_column(JSON, nullable=False)
    updated_at: Mapped[datetime]
