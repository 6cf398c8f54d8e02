"""The day that relative dates in rules are counted from: that of the data, which may end weeks before today."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from loyalty_core.warehouse import Warehouse


@dataclass(frozen=True)
class ReferenceDay:
    """The day that a rule calls today, and in words where it comes from."""

    day: date
    origin: str


class ReferenceDays:
    """Finds the reference day, once for each reading of the catalog."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse.whole  # a rule means the same day for every viewer
        self._lock = threading.Lock()
        self._found: tuple[tuple[int, datetime], tuple[date | None, str]] | None = None

    def read(self) -> ReferenceDay:
        """The date of the data, or the present day: by the settings, without a date in the data, or if it is later."""
        settings = self._warehouse.settings
        present = datetime.now(UTC).astimezone(settings.zone).date()
        if settings.relative_dates == "calendar":
            return ReferenceDay(present, "the present day")
        newest, origin = self._newest()
        if newest is None:
            return ReferenceDay(present, "the present day, since the data has no date")
        if newest > present:
            return ReferenceDay(present, "the present day, since the data has dates in the future")
        return ReferenceDay(newest, origin)

    def _newest(self) -> tuple[date | None, str]:
        state = self._warehouse.revision, self._warehouse.catalog().read_at
        with self._lock:
            if self._found is None or self._found[0] != state:
                try:
                    source = describe_source(self._warehouse)
                    found = source.newest, source.newest_from
                except LoyaltyError:  # such as a transactions table that is too large to be asked
                    found = None, ""
                self._found = state, found
            return self._found[1]
