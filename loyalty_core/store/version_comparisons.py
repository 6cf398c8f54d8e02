"""Table of the comparisons of model versions: two of them measured on the same rows and customers."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class VersionComparisonRecord(Base):
    """The latest comparison of the version `version` with `against`; another one replaces it.

    `data` is the key of the data that it was made on, `DataIdentity.key`, and `data_state` the state of that data.
    """

    __tablename__ = "version_comparisons"

    version: Mapped[str] = mapped_column(primary_key=True)
    against: Mapped[str] = mapped_column(primary_key=True)
    compared_at: Mapped[datetime]
    content: Mapped[Any] = mapped_column(JSON, nullable=False)
    data: Mapped[str | None]
    data_state: Mapped[str | None]
