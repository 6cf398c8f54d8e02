"""A base with histories and scoring runs of any day, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.warehouse.written_runs import write_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend
    from tests.warehouse.written_runs import Prediction


CHURN = ("customer_churn_history", "churned", "snapshot_date")
OFFERS = ("customer_offer_history", "converted_offer_id", "created_at")


@dataclass
class Past:
    """Writes what once was: scorings, and what happened then."""

    backend: Backend
    open_one: Callable[..., Warehouse]
    _warehouse: Warehouse | None = None

    @property
    def warehouse(self) -> Warehouse:
        """Opened when it is first asked for."""
        if self._warehouse is None:
            self._warehouse = self.open_one(self.backend.url)
        return self._warehouse

    def scored(self, day: str, *predictions: Prediction, present: bool = False) -> None:
        """A run at noon of that day; a prediction is customer, churn, version, scores of the offers."""
        noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        write_run(self.backend, self.warehouse, noon, predictions, present=present)

    def left(self, *rows: tuple[Any, str, Any], kind: str = "integer") -> None:
        """The churn history: customer, day, label."""
        self._history(CHURN, rows, kind)

    def took(self, *rows: tuple[Any, str, Any], kind: str = "integer") -> None:
        """The offer history: customer, day, offer."""
        self._history(OFFERS, rows, kind)

    def _history(self, names: tuple[str, str, str], rows: tuple[tuple[Any, str, Any], ...], kind: str) -> None:
        table, label, day = names
        identifier = "bigint" if rows and isinstance(rows[0][0], int) else "text"
        values = ", ".join(
            f"({customer!r}, DATE '{day}', {'NULL' if label is None else repr(label)})" for customer, day, label in rows
        )
        self.backend.execute(
            f"CREATE TABLE {table} (customer_id {identifier}, {day} date, {label} {kind});"
            + (f"INSERT INTO {table} VALUES {values}" if values else "")
        )
