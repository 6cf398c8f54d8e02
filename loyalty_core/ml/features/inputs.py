"""Encoding rows of the features view for the models."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.ml.features.contract import Encoded, FeatureContract
from loyalty_core.ml.features.values import FeatureKind
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.columns import MASK, kind_of
from loyalty_core.warehouse.connection import Relation
from loyalty_core.warehouse.mapping import required_columns

Row = Mapping[str, Any]


class ModelInputs:
    """Finds the mapped columns in the features view, and again whenever its schema has been reloaded."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._warehouse = warehouse
        self._mapping = settings.ml_feature_mapping
        self._resolved: tuple[Relation, dict[str, str]] | None = None

    @property
    def columns(self) -> dict[str, str]:
        """Mapped feature → column; raises `MappingError` for the first missing one, with the nearest name."""
        return self._resolve()[1]

    def _resolve(self) -> tuple[Relation, dict[str, str]]:
        """The view, and the columns in it."""
        view, resolved = self._warehouse.features, self._resolved
        if resolved is None or resolved[0] is not view:
            names = [column.name for column in view.columns]
            resolved = self._resolved = view, required_columns(self._mapping, names, view.name)
        return resolved

    @property
    def kinds(self) -> dict[str, FeatureKind]:
        """Mapped feature → kind, by the type of its column in the warehouse."""
        view, columns = self._resolve()
        return {name: _feature_kind(view.c[column].type) for name, column in columns.items()}

    def values(self, row: Row) -> dict[str, Any]:
        """Mapped feature → value, from a customer's row of the view."""
        return {name: row[column] for name, column in self.columns.items()}

    def shown_values(self, row: Row) -> dict[str, Any]:
        """The same for display, masked where the viewer may not see the column."""
        hidden = self._warehouse.hidden
        return {name: MASK if column in hidden else row[column] for name, column in self.columns.items()}

    def encode_row(self, contract: FeatureContract, row: Row) -> Encoded:
        """Encode one customer's row."""
        return contract.encode_row(self.values(row))

    def encode_rows(self, contract: FeatureContract, rows: Sequence[Row]) -> Encoded:
        """Encode several customers' rows."""
        columns = self.columns
        return contract.encode_rows([{name: row[column] for name, column in columns.items()} for row in rows])

    def encode_batch(self, contract: FeatureContract, batch: pa.RecordBatch | pa.Table) -> Encoded:
        """Encode an Arrow batch with the view's column names."""
        return contract.encode({name: batch.column(column) for name, column in self.columns.items()})


def _feature_kind(column_type: sa.types.TypeEngine[Any]) -> FeatureKind:
    kind = kind_of(column_type)
    return kind if kind in {"number", "boolean"} else "text"  # pyright: ignore[reportReturnType]
