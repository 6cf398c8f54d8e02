"""RFM cut points: computed in the warehouse over the whole base, kept with their date, used until they are old."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql

from loyalty_core.errors import DataError
from loyalty_core.ml.features import MappedFeature, resolve_mapping
from loyalty_core.ml.rfm import FourPoints, RfmColumns, RfmCutPoints, measure, never_bought_in_sql
from loyalty_core.warehouse.catalog import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loyalty_core.settings import RfmMeasure, Settings
    from loyalty_core.warehouse import Warehouse

_FILE = "rfm_cut_points.json"
_FORMAT = 1
_JSON = TypeAdapter(RfmCutPoints)
_PARTS = 5
_SHARES = [part / _PARTS for part in range(1, _PARTS)]
_FEATURES: dict[RfmMeasure, str] = {
    "recency": "days_since_last",
    "frequency": "transaction_count",
    "monetary": "revenue",
}


class RfmUnavailable(DataError):
    """The features view does not hold what RFM needs."""

    code = "rfm_unavailable"


def current_cut_points(warehouse: Warehouse) -> RfmCutPoints:
    """The kept cut points, or new ones where there are none, they are old, or data or settings have changed."""
    kept = kept_cut_points(warehouse)
    oldest = datetime.now(UTC) - timedelta(hours=warehouse.settings.rfm_cut_points_max_age_hours)
    if kept and kept.as_of >= oldest:
        return kept
    computed = compute_cut_points(warehouse)
    keep_cut_points(warehouse, computed)
    return computed


def compute_cut_points(warehouse: Warehouse) -> RfmCutPoints:
    """Quintile cut points of all who have bought; a measure with cut points in the settings takes those.

    Quantiles are of type 7 (linear interpolation, as in numpy, R and percentile_cont); the rule "r" adds 1.
    Raises `RfmUnavailable` when a column is missing, is not a number, or is blank for everyone.
    """
    settings, as_of = warehouse.settings, datetime.now(UTC)
    columns = _columns(warehouse)
    given = settings.rfm_cut_points
    wanted = [name for name in _FEATURES if name not in given]
    facts = _facts(warehouse, _base(warehouse, columns), wanted)
    points = {name: given.get(name) or _by_rule(name, facts[name], settings) for name in _FEATURES}
    return RfmCutPoints(
        **points,
        columns=columns,
        rule=settings.rfm_rule,
        customers=facts["customers"],
        never_bought=facts["customers"] - int(facts["bought"]),
        as_of=as_of,
    )


def kept_cut_points(warehouse: Warehouse) -> RfmCutPoints | None:
    """The cut points last kept, if they belong to this data and these settings; a damaged file counts as none."""
    try:
        kept = json.loads(_path(warehouse.settings).read_text("utf-8"))
        if kept["format"] != _FORMAT or kept["origin"] != _origin(warehouse):
            return None
        return _JSON.validate_python(kept["cut_points"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_cut_points(warehouse: Warehouse, cut_points: RfmCutPoints) -> None:
    """Write them beside the models; where that folder cannot be written, they are computed when next needed."""
    facts = _JSON.dump_python(cut_points, mode="json")
    content = {"format": _FORMAT, "origin": _origin(warehouse), "cut_points": facts}
    path = _path(warehouse.settings)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rfm-") as folder:
            written = Path(folder) / path.name
            written.write_text(json.dumps(content, indent=2), "utf-8")
            written.replace(path)


def _columns(warehouse: Warehouse) -> RfmColumns:
    """The columns of the settings, or those that ML_FEATURE_MAPPING has for the three features."""
    settings, view = warehouse.settings, warehouse.features
    mapping = {
        name: settings.rfm_columns.get(name) or settings.ml_feature_mapping.get(feature, feature)
        for name, feature in _FEATURES.items()
    }
    return RfmColumns(*(_number_column(found, view) for found in resolve_mapping(mapping, view.columns.keys())))


def _number_column(found: MappedFeature, view: sa.Table) -> str:
    if found.column is None:
        nearest = f"; nearest: {found.nearest}" if found.nearest else ""
        raise RfmUnavailable(
            f"RFM has no {found.name}: the features view has no column {' or '.join(found.candidates)}{nearest}.",
            remedy=f'Name the column for "{found.name}" in RFM_COLUMNS.',
        )
    if kind_of(view.c[found.column].type) != "number":
        raise RfmUnavailable(
            f"RFM has no {found.name}: the column {found.column} is not a number.",
            remedy=f'Name a column of numbers for "{found.name}" in RFM_COLUMNS.',
        )
    return found.column


def _base(warehouse: Warehouse, columns: RfmColumns) -> sa.Subquery:
    """Every customer's measures, NULL for who has never bought, and `bought` as 0 or 1."""
    view = warehouse.features
    recency, frequency, monetary = (measure(view.c[column]) for column in columns)
    never = never_bought_in_sql(recency, frequency)
    return sa.select(
        recency.label("recency"),
        sa.case((~never, frequency)).label("frequency"),
        sa.case((~never, monetary)).label("monetary"),
        sa.case((never, 0), else_=1).label("bought"),
    ).subquery("base")


def _facts(warehouse: Warehouse, base: sa.Subquery, wanted: Sequence[str]) -> dict[str, Any]:
    """`customers`, `bought`, and for each measure wanted its four quantiles, None when nobody has a value."""
    counts = [sa.func.count().label("customers"), sa.func.coalesce(sa.func.sum(base.c.bought), 0).label("bought")]
    if quantiles := _QUANTILES.get(warehouse.url.get_backend_name()):
        return _one_row(warehouse, sa.select(*counts, *(quantiles(base.c[name]).label(name) for name in wanted)))
    by_rank = {name: _by_rank(warehouse, base.c[name]) for name in wanted}
    return _one_row(warehouse, sa.select(*counts)) | by_rank


def _in_duckdb(value: sa.ColumnElement[float]) -> sa.ColumnElement[Any]:
    return sa.func.quantile_cont(value, sa.literal_column(str(_SHARES)))


def _in_postgresql(value: sa.ColumnElement[float]) -> sa.ColumnElement[Any]:
    return sa.func.percentile_cont(postgresql.array(_SHARES)).within_group(value)


_QUANTILES: dict[str, Callable[[sa.ColumnElement[float]], sa.ColumnElement[Any]]] = {
    "duckdb": _in_duckdb,
    "postgresql": _in_postgresql,
}


def _by_rank(warehouse: Warehouse, value: sa.ColumnElement[float]) -> list[float] | None:
    """The same quantiles for any database: rows are numbered, and the two around each quantile fetched."""
    place, known = sa.func.row_number().over(order_by=value), sa.func.count().over()
    ordered = sa.select(value.label("value"), place.label("place"), known.label("known"))
    ordered = ordered.where(value.is_not(None)).subquery("ordered")
    below = [(ordered.c.known - 1) * part // _PARTS + 1 for part in range(1, _PARTS)]
    around = [place for first in below for place in (first, first + 1)]
    rows = warehouse.fetch_arrow(sa.select(ordered).where(ordered.c.place.in_(around))).to_pylist()
    at = {row["place"] - 1: row["value"] for row in rows}
    return [_between(at, *divmod((rows[0]["known"] - 1) * part, _PARTS)) for part in range(1, _PARTS)] if rows else None


def _between(at: Mapping[int, float], below: int, fifths: int) -> float:
    return at[below] + (at[below + 1] - at[below]) * fifths / _PARTS if fifths else at[below]


def _one_row(warehouse: Warehouse, select: sa.Select) -> dict[str, Any]:
    """Over Arrow, since a sort of the whole base may take longer than a statement of a screen may."""
    return warehouse.fetch_arrow(select).to_pylist()[0]


def _by_rule(name: str, quantiles: Sequence[float] | None, settings: Settings) -> FourPoints:
    if not quantiles:
        raise RfmUnavailable(
            f"RFM has no {name}: its column is blank for everyone who has bought.",
            remedy=f'Name another column in RFM_COLUMNS, or give cut points for "{name}" in RFM_CUT_POINTS.',
        )
    first, second, third, fourth = (quantile + (settings.rfm_rule == "r") for quantile in quantiles)
    return first, second, third, fourth


def _origin(warehouse: Warehouse) -> str:
    """Changes with the data's place and shape and with every setting that the cut points depend on."""
    settings = warehouse.settings
    facts = (warehouse.fingerprint, _columns(warehouse), settings.rfm_rule, sorted(settings.rfm_cut_points.items()))
    return hashlib.blake2s(repr(facts).encode(), digest_size=16).hexdigest()


def _path(settings: Settings) -> Path:
    return settings.models_dir / _FILE
