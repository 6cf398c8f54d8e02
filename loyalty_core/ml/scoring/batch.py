"""Scores one Arrow batch of customers with every model and RFM: arrays in, arrays out, no loop over customers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.ml.features import LARGEST, Encoded, as_numbers
from loyalty_core.ml.tasks import TASKS, Categorical
from loyalty_core.rfm import RfmColumns, score_arrays, segment_names
from loyalty_core.warehouse.predictions import DATA_STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from loyalty_core.ml.serving import Models
    from loyalty_core.rfm import RfmCutPoints
    from loyalty_core.settings import Settings

FloatRows = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_NAMES = pa.dictionary(pa.int8(), pa.string())

NO_ID = "The customer id is blank."

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class ScoredBatch:
    """`rows` has the columns of customer_predictions; `blanks` counts by feature, `failed` by reason.

    `versions` counts the rows by model version; `extremes` are the lowest and the highest value by version and column.
    """

    rows: pa.RecordBatch
    blanks: Counter[str]
    failed: Counter[str]
    versions: Counter[str]
    extremes: dict[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class BatchScorer:
    """Scores batches that have `customer_id`, the columns of `features` (feature → column) and those of RFM.

    Without `cut_points` the RFM columns stay blank; without a model, its columns do. `data_state` is written to every
    row: the state of the data that is read, `DataIdentity.state`.
    """

    models: Models
    features: dict[str, str]
    customer_id: str
    cut_points: RfmCutPoints | None
    settings: Settings
    scored_at: datetime
    data_state: str = ""

    def columns(self) -> list[str]:
        """The columns of the features view that are needed, each once."""
        measures = self.cut_points.columns if self.cut_points else ()
        return list(dict.fromkeys((self.customer_id, *self.features.values(), *measures)))

    def score(self, batch: pa.RecordBatch) -> ScoredBatch:
        """Score every customer; one with a value that cannot be read gets no model's answer."""
        known = pc.is_valid(batch.column(self.customer_id))  # pyright: ignore[reportAttributeAccessIssue]
        without_id = batch.num_rows - known.true_count
        batch = batch.filter(known) if without_id else batch
        values, unreadable = self._readable(batch)
        encoded = self.models.contract.encode(values) if values else _no_features(batch.num_rows)
        unreadable |= self._too_large(encoded)
        excluded, failed = _first_reason(unreadable, batch.num_rows)
        encoded.values[excluded] = 0
        encoded.blanks[excluded] = False
        columns = {
            "customer_id": batch.column(self.customer_id),
            **self._predicted(encoded.values, excluded),
            **self._rfm(batch),
            "model_version": _named(np.zeros(batch.num_rows, np.int8), (self.models.version,)),
            "scored_at": pa.repeat(pa.scalar(self.scored_at, pa.timestamp("us", "UTC")), batch.num_rows),
            DATA_STATE: _named(np.zeros(batch.num_rows, np.int8), (self.data_state,)),
        }
        flags_of = dict(zip(self.models.contract.names, encoded.blanks.T, strict=True))
        blanks = Counter({name: int(np.count_nonzero(flags)) for name, flags in flags_of.items()})
        return ScoredBatch(
            rows=pa.RecordBatch.from_pydict(columns),
            blanks=blanks,
            failed=failed + Counter({NO_ID: without_id}),
            versions=Counter({self.models.version: batch.num_rows}),
            extremes=extremes_of(self.models.version, columns),
        )

    def _readable(self, batch: pa.RecordBatch) -> tuple[dict[str, pa.Array], dict[str, Flags]]:
        """The features' values, blank where a number was expected and is a text, and flags for who has such a text."""
        values = {name: batch.column(column) for name, column in self.features.items()}
        unreadable: dict[str, Flags] = {}
        for feature in self.models.contract.inputs:
            if feature.kind != "text" and pa.types.is_string(values[feature.name].type):
                values[feature.name], flags = _numbers_in(values[feature.name])
                unreadable[f"{self.features[feature.name]} holds a text instead of a number."] = flags
        return values, unreadable

    def _too_large(self, encoded: Encoded) -> dict[str, Flags]:
        contract = self.models.contract
        return {
            f"{self.features[feature.name]} holds a number beyond {LARGEST:g}.": ~(
                np.abs(encoded.values[:, place.start]) <= LARGEST
            )
            for feature, place in zip(contract.inputs, contract.slices, strict=True)
            if feature.kind != "text"
        }

    def _predicted(self, encoded: FloatRows, excluded: Flags) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {}
        for name, task in TASKS.items():
            if self.models.has(name):
                found = task.columns(self.models.scores(name, encoded), self.models.offers(name), self.settings)
                columns |= {column: _column(values, excluded) for column, values in found.items()}
            else:
                columns |= {column: pa.nulls(len(encoded), kind) for column, kind in task.empty_columns().items()}
        return columns

    def _rfm(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        if self.cut_points is None:
            nothing = pa.nulls(batch.num_rows, pa.int8())
            scores = dict.fromkeys(RfmColumns._fields, nothing)
            return {**scores, "rfm_segment": pa.nulls(batch.num_rows, _NAMES)}
        recency, frequency, monetary = (as_numbers(name, batch.column(name)) for name in self.cut_points.columns)
        scored = score_arrays(recency, frequency, monetary, self.cut_points)
        scores = {name: pa.array(scored.scores[:, place]) for place, name in enumerate(RfmColumns._fields)}
        return {**scores, "rfm_segment": _named(scored.segments, segment_names(self.cut_points.cell_names))}


@dataclass(frozen=True)
class ArmsScorer:
    """Scores each customer of a batch with the version of their arm."""

    champion: BatchScorer
    challenger: BatchScorer
    answers_many: Callable[[pa.Array], Flags]

    def columns(self) -> list[str]:
        """The columns of the features view that are needed, the same for both."""
        return self.champion.columns()

    def score(self, batch: pa.RecordBatch) -> ScoredBatch:
        """As `BatchScorer.score`, with the rows in the order of the batch."""
        ids = batch.column(self.champion.customer_id)
        known = ids.is_valid()
        without_id = len(ids) - known.true_count
        batch, ids = (batch.filter(known), ids.filter(known)) if without_id else (batch, ids)
        others = self.answers_many(ids)
        own, other = np.flatnonzero(~others), np.flatnonzero(others)
        scored = [self.champion.score(batch.take(own)), self.challenger.score(batch.take(other))]
        first, second = (_with_columns(part.rows, scored[0].rows.schema) for part in scored)
        order = np.empty(len(others), np.int64)
        order[own], order[other] = np.arange(len(own)), np.arange(len(own), len(others))
        return ScoredBatch(
            rows=pa.concat_batches([first, second]).take(order),
            blanks=scored[0].blanks + scored[1].blanks,
            failed=scored[0].failed + scored[1].failed + Counter({NO_ID: without_id}),
            versions=scored[0].versions + scored[1].versions,
            extremes=scored[0].extremes | scored[1].extremes,
        )


def extremes_of(version: str, columns: Mapping[str, pa.Array]) -> dict[tuple[str, str], tuple[float, float]]:
    """The lowest and the highest score of each model that has answered, as in `ScoredBatch`."""
    scores = [task.score_column for task in TASKS.values() if task.score_column in columns]
    found = {name: pc.min_max(columns[name]).as_py() for name in scores}  # pyright: ignore[reportAttributeAccessIssue]
    return {
        (version, name): (extremes["min"], extremes["max"])
        for name, extremes in found.items()
        if extremes["min"] is not None
    }


def _with_columns(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of the schema; blank where the rows lack one, since a version may lack a model."""
    columns = [
        rows.column(field.name) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _no_features(rows: int) -> Encoded:
    return Encoded(np.zeros((rows, 0), np.float32), np.zeros((rows, 0), np.bool_))


def _numbers_in(texts: pa.Array) -> tuple[pa.Array, Flags]:
    """The numbers among the texts, blank elsewhere; and flags for what is neither a number nor blank."""
    trimmed = pc.utf8_trim_whitespace(texts)  # pyright: ignore[reportAttributeAccessIssue]
    is_number = pc.match_substring_regex(trimmed, pattern=_NUMBER)  # pyright: ignore[reportAttributeAccessIssue]
    is_blank = pc.fill_null(pc.equal(trimmed, ""), True)  # pyright: ignore[reportAttributeAccessIssue]
    numbers = pc.if_else(is_number, trimmed, None).cast(pa.float64())  # pyright: ignore[reportAttributeAccessIssue]
    neither = pc.invert(pc.or_(pc.fill_null(is_number, False), is_blank))  # pyright: ignore[reportAttributeAccessIssue]
    return numbers, neither.to_numpy(zero_copy_only=False)


def _first_reason(unreadable: Mapping[str, Flags], rows: int) -> tuple[Flags, Counter[str]]:
    """Who is excluded, and the number of customers by their first reason."""
    excluded, failed = np.zeros(rows, dtype=np.bool_), Counter[str]()
    for reason, flags in unreadable.items():
        failed[reason] = int(np.count_nonzero(flags & ~excluded))
        excluded |= flags
    return excluded, failed


def _column(values: npt.NDArray[Any] | Categorical, excluded: Flags) -> pa.Array:
    if isinstance(values, Categorical):
        return _named(values.codes, values.categories, excluded)
    return pa.array(values, mask=excluded if excluded.any() else None)


def _named(positions: npt.NDArray[np.int8], names: Sequence[str], excluded: Flags | None = None) -> pa.Array:
    indices = pa.array(positions, mask=excluded if excluded is not None and excluded.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))
