"""Scores the whole customer base: read as Arrow batches, scored, and written all or nothing, in constant memory."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import TRAIN
from loyalty_core.ml.features import require_input_size
from loyalty_core.ml.scoring.batch import ArmsScorer, BatchScorer
from loyalty_core.ml.scoring.in_warehouse import score_in_warehouse
from loyalty_core.ml.scoring.prefetch import map_ordered, prefetch
from loyalty_core.ml.scoring.tally import Tally
from loyalty_core.ml.serving import RFM_ONLY_VERSION, Models, NoModels, ServedModels, require_own_data
from loyalty_core.ml.tasks import TASKS
from loyalty_core.rfm import (
    RfmCutPoints,
    RfmUnavailable,
    compute_cut_points,
    current_cut_points,
    map_at,
    save_cut_points,
)
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.customers import unrounded
from loyalty_core.warehouse.mapping import required_columns
from loyalty_core.warehouse.predictions import Destination, in_words

# A row group of the Parquet file, and fifteen full chunks for LiteRT.
BATCH_ROWS = 122_880

Scorer = BatchScorer | ArmsScorer


class NothingToScore(LoyaltyError):
    """Neither a model nor RFM can be scored."""

    code = "nothing_to_score"


@dataclass(frozen=True)
class ScoringProgress:
    """`scored` of `customers` are done; all of them while the result is being saved."""

    scored: int
    customers: int
    seconds: float


@dataclass(frozen=True)
class ScoringResult:
    """What a run did.

    `customers` were written to `place`. `failed` counts, by reason, those who got no answer, `blanks` the
    blank values, by feature. `arms` counts the customers by model version, which are two during an A/B test.
    `remarks` are sentences on what an analyst should know; `unread`, one of them, says why the screens cannot read the
    predictions, "" where they can.
    """

    customers: int
    failed: dict[str, int]
    blanks: dict[str, int]
    place: str
    arms: dict[str, int]
    is_mock: bool
    scored_at: datetime
    seconds: float
    cut_points: RfmCutPoints | None
    remarks: tuple[str, ...]
    unread: str = ""

    @property
    def model_version(self) -> str:
        """The version that made it, or both."""
        return in_words(self.arms)

    @property
    def is_rfm_only(self) -> bool:
        """Whether no model answered."""
        return set(self.arms) == {RFM_ONLY_VERSION}


def score_base(
    warehouse: Warehouse,
    models: Models | ServedModels,
    on_progress: Callable[[ScoringProgress], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    *,
    in_warehouse: bool | None = None,
) -> ScoringResult:
    """Predict churn, offers and RFM for every customer and replace `customer_predictions`.

    Every customer is served by the version of their arm; models given alone serve everybody. With `in_warehouse`, by
    default the setting ML_SCORE_IN_WAREHOUSE, the warehouse computes the predictions, and none is read.
    When anything fails, the predictions of the run before stay as they are. Raises `ScoringInProgress` while
    another run writes, `MappingError` and `FeatureCountMismatch` when view and models do not fit,
    `StateStoreUnavailable` when it cannot be known whether there is an RFM map, `NothingToScore` without a model and
    without RFM, `NotInSql` when the warehouse cannot compute the models, and the warehouse's errors.
    """
    started, scored_at = time.monotonic(), datetime.now(UTC)
    served = models if isinstance(models, ServedModels) else ServedModels(models)
    computed, no_rfm = _cut_points(warehouse)
    if computed is None and not any(served.champion.has(name) for name in TASKS):
        raise NothingToScore(f"RFM cannot be computed, and no model answers. {no_rfm}", _no_models(served.champion))
    chosen = map_at(warehouse.settings, scored_at) if computed else None
    cut_points = chosen.apply(computed) if chosen and computed else computed
    scorer = make_served_scorer(warehouse, served, cut_points, scored_at)
    customers, tally = _count(warehouse, cut_points), Tally()
    target = warehouse.dialect.predictions.destination(warehouse)

    def report() -> None:
        if on_progress:
            on_progress(ScoringProgress(tally.read, max(customers, tally.read), time.monotonic() - started))

    compared = ""
    if warehouse.settings.ml_score_in_warehouse if in_warehouse is None else in_warehouse:
        compared = score_in_warehouse(warehouse, scorer, target, tally, report)
    else:
        _score_and_write(warehouse.stream_arrow(_select(warehouse, scorer), batch_rows), scorer, target, tally, report)
    if computed:
        save_cut_points(warehouse, computed)
    remarks = (target.remark, compared, no_rfm, *_missing_models(served.champion), *tally.remarks())
    return ScoringResult(
        customers=tally.written,
        failed=dict(+tally.failed),
        blanks=dict(+tally.blanks),
        place=target.place,
        arms={one.version: tally.versions[one.version] for one in served.arms},
        is_mock=served.champion.is_mock,
        scored_at=scored_at,
        seconds=time.monotonic() - started,
        cut_points=cut_points,
        remarks=tuple(remark for remark in remarks if remark),
        unread=target.remark,
    )


def _score_and_write(
    batches: Generator[pa.RecordBatch],
    scorer: Scorer,
    target: Destination,
    tally: Tally,
    report: Callable[[], None],
) -> None:
    with closing(prefetch(batches)) as read, closing(map_ordered(scorer.score, read)) as scored:
        first = next(scored)
        with target.open(first.rows.schema) as write:
            for batch in chain([first], scored):
                write(batch.rows)
                tally.add(batch)
                report()
            tally.require_customers()


def _cut_points(warehouse: Warehouse) -> tuple[RfmCutPoints | None, str]:
    """The base's cut points, or why there are none, since churn and offers do not need them."""
    # Nobody can write to a DuckDB file while it is open here, so its saved cut points are still right.
    unchanged = warehouse.dialect.locks_file and warehouse.dialect.file_of(warehouse.url) is not None
    try:
        return (current_cut_points if unchanged else compute_cut_points)(warehouse), ""
    except RfmUnavailable as error:
        return None, str(error)


def make_scorer(
    warehouse: Warehouse, models: Models, cut_points: RfmCutPoints | None, scored_at: datetime
) -> BatchScorer:
    settings = warehouse.settings
    features: dict[str, str] = {}
    if models.contract.inputs:
        require_input_size(settings)
        models.contract.require(list(settings.ml_feature_mapping))
        require_own_data(models, warehouse)
        view = settings.dwh_customer_features_table
        features = required_columns(settings.ml_feature_mapping, warehouse.features.columns.keys(), view)
    return BatchScorer(
        models=models,
        features=features,
        customer_id=warehouse.customer_id.name,
        cut_points=cut_points,
        settings=settings,
        scored_at=scored_at,
        data_state=warehouse.identity.state,
    )


def make_served_scorer(
    warehouse: Warehouse, served: ServedModels, cut_points: RfmCutPoints | None, scored_at: datetime
) -> Scorer:
    """Scores each customer with the version of their arm."""
    champion = make_scorer(warehouse, served.champion, cut_points, scored_at)
    if served.challenger is None:
        return champion
    challenger = make_scorer(warehouse, served.challenger.models, cut_points, scored_at)
    return ArmsScorer(champion, challenger, served.challenger.answers_many)


def _select(warehouse: Warehouse, scorer: Scorer) -> sa.Select:
    """Exactly the columns needed."""
    view = warehouse.features
    return sa.select(unrounded(warehouse.id_of(view)), *(view.c[name] for name in scorer.columns()[1:]))


def _count(warehouse: Warehouse, cut_points: RfmCutPoints | None) -> int:
    if cut_points:
        return cut_points.customers
    rows = sa.select(sa.func.count().label("customers")).select_from(warehouse.features)
    return warehouse.rows(rows)[0]["customers"]


def _no_models(models: Models) -> str:
    """Why no model answers, and what to do."""
    why = models.why if isinstance(models, NoModels) else None
    return str(why) if why is not None else f"No model is active. Train the models: {TRAIN}"


def _missing_models(models: Models) -> Iterator[str]:
    if isinstance(models, NoModels):
        yield f"Only RFM was scored. {_no_models(models)}"
        return
    for name, task in TASKS.items():
        if not models.has(name) and not task.is_optional:
            columns = " and ".join(task.empty_columns())
            yield f"The version {models.version} has no {task.noun}, so {columns} are blank."
