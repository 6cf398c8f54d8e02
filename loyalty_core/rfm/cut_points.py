"""RFM cut points: computed in the warehouse over the whole base, saved with their date, and used until they expire.

A saved map may override them; see `maps`.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from loyalty_core.errors import DataError
from loyalty_core.files import replace_file
from loyalty_core.rfm.scores import FourPoints, RfmColumns, RfmCutPoints, measure, never_bought_in_sql
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import column_for, kind_of
from loyalty_core.warehouse.mapping import MappedFeature, resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loyalty_core.settings import RfmMeasure, Settings
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.columns import Role

_FILE = "rfm_cut_points.json"
_FORMAT = 2
_JSON = TypeAdapter(RfmCutPoints)
_QUINTILES = 5
_ROLES: dict[RfmMeasure, Role] = {"recency": "recency", "frequency": "transactions", "monetary": "revenue"}
_FEATURES: dict[RfmMeasure, str] = {
    "recency": "days_since_last",
    "frequency": "transaction_count",
    "monetary": "revenue",
}


class RfmUnavailable(DataError):
    """The features view lacks the columns or values that RFM needs."""

    code = "rfm_unavailable"


def current_cut_points(warehouse: Warehouse) -> RfmCutPoints:
    """The saved cut points, or new ones if there are none, they have expired, or data or settings changed.

    They are those of the whole base, whatever part of it the viewer sees: a customer has one score for everybody.
    """
    warehouse = warehouse.whole
    saved = _saved(warehouse)
    oldest = datetime.now(UTC) - timedelta(hours=warehouse.settings.rfm_cut_points_max_age_hours)
    if saved and saved[0].as_of >= oldest and not warehouse.identity.has_changed_since(saved[1]):
        return saved[0]
    computed = compute_cut_points(warehouse)
    save_cut_points(warehouse, computed)
    return computed


def compute_cut_points(warehouse: Warehouse) -> RfmCutPoints:
    """Quintile cut points of all customers who have bought; cut points in the settings take precedence.

    Quantiles are of type 7 (linear interpolation, as in numpy, R and percentile_cont); the rule "r" adds 1. Raises
    `RfmUnavailable` if a column is missing, is not a number, or is blank for everyone.
    """
    warehouse = warehouse.whole
    settings, as_of = warehouse.settings, datetime.now(UTC)
    columns = rfm_columns(warehouse)
    configured = settings.rfm_cut_points
    points = {
        name: configured.get(name) or _by_rule(name, _quantiles(warehouse, columns, name), settings)
        for name in _FEATURES
    }
    customers, bought = _customers(warehouse, columns)
    return RfmCutPoints(
        recency=points["recency"],
        frequency=points["frequency"],
        monetary=points["monetary"],
        columns=columns,
        rule=settings.rfm_rule,
        customers=customers,
        never_bought=customers - bought,
        as_of=as_of,
    )


def saved_cut_points(warehouse: Warehouse) -> RfmCutPoints | None:
    """The cut points saved last, if they are of these settings and this data, also of an earlier state of it.

    None for a damaged file.
    """
    saved = _saved(warehouse)
    return saved[0] if saved else None


def save_cut_points(warehouse: Warehouse, cut_points: RfmCutPoints) -> None:
    """Save them in the models folder; if it is not writable, they are computed again when next needed."""
    facts = _JSON.dump_python(cut_points, mode="json", exclude={"cell_names", "custom"})
    content = {
        "format": _FORMAT,
        "origin": _origin(warehouse),
        "data_state": warehouse.identity.state,
        "cut_points": facts,
    }
    path = _path(warehouse.settings)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(content, indent=2).encode())


def _saved(warehouse: Warehouse) -> tuple[RfmCutPoints, str] | None:
    """The saved cut points with the state of the data that they were computed on."""
    try:
        saved = json.loads(_path(warehouse.settings).read_text("utf-8"))
        if saved["format"] != _FORMAT or saved["origin"] != _origin(warehouse):
            return None
        return _JSON.validate_python(saved["cut_points"]), saved["data_state"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def rfm_columns(warehouse: Warehouse) -> RfmColumns:
    """The columns from RFM_COLUMNS, or those of the three features in ML_FEATURE_MAPPING; else as on all screens.

    Raises `RfmUnavailable` where one is missing, or is not a number.
    """
    settings, view = warehouse.settings, warehouse.features
    mapping: dict[str, str | list[str]] = {
        name: settings.rfm_columns.get(name) or settings.ml_feature_mapping.get(feature, feature)
        for name, feature in _FEATURES.items()
    }
    columns = [Column(column.name, kind_of(column.type), "", "") for column in view.columns]
    found = zip(_ROLES.items(), resolve_mapping(mapping, view.columns.keys()), strict=True)
    return RfmColumns(*(_played(one, view, columns, measure, role, settings) for (measure, role), one in found))


def _played(
    mapped: MappedFeature,
    view: sa.FromClause,
    columns: Sequence[Column],
    measure: RfmMeasure,
    role: Role,
    settings: Settings,
) -> str:
    """The column of a measure, the same that plays its role on all screens."""
    played = column_for(role, columns, settings)
    is_number = mapped.column is None or kind_of(view.c[mapped.column].type) == "number"
    if played is None or not is_number or measure in settings.rfm_columns:
        return _number_column(mapped, view)
    return played.name


def _number_column(found: MappedFeature, view: sa.FromClause) -> str:
    if found.column is None:
        nearest = f"; nearest: {found.nearest}" if found.nearest else ""
        raise RfmUnavailable(
            f"RFM has no {found.name}: the features view has no column {' or '.join(found.candidates)}{nearest}.",
            remedy=f'Connect data that has it, or name its column for "{found.name}" in RFM_COLUMNS.',
        )
    if kind_of(view.c[found.column].type) != "number":
        raise RfmUnavailable(
            f"RFM has no {found.name}: the column {found.column} is not a number.",
            remedy=f'Set a numeric column for "{found.name}" in RFM_COLUMNS.',
        )
    return found.column


def _customers(warehouse: Warehouse, columns: RfmColumns) -> tuple[int, int]:
    """The number of all customers, and of those who have bought."""
    view = warehouse.features
    bought = sa.func.sum(sa.case((_bought(view, columns), 1), else_=0))
    counts = sa.select(sa.func.count().label("customers"), bought.label("bought")).select_from(view)
    found = warehouse.rows(counts)[0]
    return found["customers"], int(found["bought"] or 0)


def _bought(view: sa.FromClause, columns: RfmColumns) -> sa.ColumnElement[bool]:
    return ~never_bought_in_sql(measure(view.c[columns.recency]), measure(view.c[columns.frequency]))


def _quantiles(warehouse: Warehouse, columns: RfmColumns, name: RfmMeasure) -> list[float] | None:
    """Quintiles of the customers who have bought, None if nobody has a value; the same SQL on every database.

    Equal values are counted first, which is faster than sorting all customers.
    """
    view = warehouse.features
    value = measure(view.c[getattr(columns, name)])
    counted = sa.select(value.label("value"), sa.func.count().label("customers"))
    counted = counted.where(_bought(view, columns), value.is_not(None)).group_by(value).subquery("counted")
    cumulative = sa.func.sum(counted.c.customers).over(order_by=counted.c.value)
    known = sa.func.sum(counted.c.customers).over()
    ranked = sa.select(
        counted.c.value,
        sa.cast(cumulative, sa.BigInteger).label("cumulative"),
        sa.cast(known, sa.BigInteger).label("known"),
    ).subquery("ranked")
    ranks = [(ranked.c.known - 1) * part // _QUINTILES for part in range(1, _QUINTILES)]
    around = [
        sa.func.min(sa.case((ranked.c.cumulative > rank + step, ranked.c.value))).label(f"{side}_{part}")
        for part, rank in enumerate(ranks, start=1)
        for step, side in enumerate(("below", "above"))
    ]
    found = warehouse.rows(sa.select(sa.func.max(ranked.c.known).label("known"), *around))[0]
    if not found["known"]:
        return None
    return [_interpolated(found, part) for part in range(1, _QUINTILES)]


def _interpolated(found: Mapping[str, Any], part: int) -> float:
    """Linear interpolation between the two values around a quantile; there is none above the last value."""
    below, fifths = found[f"below_{part}"], (found["known"] - 1) * part % _QUINTILES
    return below + (found[f"above_{part}"] - below) * fifths / _QUINTILES if fifths else below


def _by_rule(name: str, quantiles: Sequence[float] | None, settings: Settings) -> FourPoints:
    if not quantiles:
        raise RfmUnavailable(
            f"RFM has no {name}: its column is blank for everyone who has bought.",
            remedy=f'Set another column in RFM_COLUMNS, or cut points for "{name}" in RFM_CUT_POINTS.',
        )
    first, second, third, fourth = (quantile + (settings.rfm_rule == "r") for quantile in quantiles)
    return first, second, third, fourth


def _origin(warehouse: Warehouse) -> str:
    """A hash of the data's identity, whatever its state, and of every setting that the cut points depend on."""
    settings, data = warehouse.settings, warehouse.identity.warehouse
    facts = (data, rfm_columns(warehouse), settings.rfm_rule, sorted(settings.rfm_cut_points.items()))
    return hashlib.blake2s(repr(facts).encode(), digest_size=16).hexdigest()


def _path(settings: Settings) -> Path:
    return settings.models_dir / _FILE
