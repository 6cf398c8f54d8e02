"""Table of the RFM maps: custom segment names of the cells, and custom cut points, as saved."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base


class RfmMapRecord(Base):
    """One saved version of the map; without `content`, a return to the defaults. The highest number is in use.

    Rows are added and read, never changed.
    """

    __tablename__ = "rfm_maps"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    content: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
