"""Which column plays which role, so that screens work on any features view, whatever its columns are called."""

import re
from collections.abc import Iterable
from typing import Literal

from loyalty_core.settings import RfmMeasure, Settings
from loyalty_core.warehouse.columns.catalog import Column, Kind
from loyalty_core.warehouse.columns.labels import unit_of

Role = Literal[
    "revenue",
    "recency",
    "transactions",
    "status",
    "category",
    "signup",
    "tier",
    "region",
    "tenure",
    "points",
    "churn_score",
    "email_verified",
]

_CANDIDATES: dict[Role, tuple[str, ...]] = {
    "revenue": ("total_revenue", "revenue", "total_charges", "total_spend", "monetary", "sales", "lifetime_value"),
    "recency": ("last_purchase_days_ago", "days_since_last_transaction", "recency_days", "recency"),
    "transactions": ("transaction_count", "orders", "order_count", "frequency"),
    "status": ("customer_status", "status"),
    "category": ("customer_tier", "tier", "segment", "customer_segment", "membership", "contract", "country"),
    "signup": ("signup_date", "joined_at", "join_date", "created_at", "first_purchase_date"),
    "tier": ("customer_tier", "tier", "loyalty_tier", "membership"),
    "region": ("region", "state", "county", "province", "city", "country"),
    "tenure": ("tenure_days", "days_since_signup", "member_for_days"),
    "points": ("points_balance", "points", "loyalty_points"),
    "churn_score": ("churn_score", "churn_probability"),
    "email_verified": ("email_verified", "email_confirmed", "is_email_verified"),
}
_KINDS: dict[Role, frozenset[Kind]] = {
    "revenue": frozenset({"number"}),
    "recency": frozenset({"number"}),
    "transactions": frozenset({"number"}),
    "status": frozenset({"text"}),
    "category": frozenset({"text"}),
    "signup": frozenset({"date", "datetime"}),
    "tier": frozenset({"text"}),
    "region": frozenset({"text"}),
    "tenure": frozenset({"number"}),
    "points": frozenset({"number"}),
    "churn_score": frozenset({"number"}),
    "email_verified": frozenset({"boolean"}),
}
# The columns configured for RFM come first, so that all screens agree on one recency and one money.
_MEASURES: dict[Role, RfmMeasure] = {"revenue": "monetary", "recency": "recency", "transactions": "frequency"}
# A column whose name says another unit does not play these roles, whatever it is mapped to; "" is unknown.
_UNITS: dict[Role, frozenset[str]] = {"revenue": frozenset({"money", ""}), "recency": frozenset({"days", ""})}
# Money in whole units is not a handful: a count or a score is.
_FEW = 10
# The names of the mapping for the same roles: what the models use comes next.
_MAPPED: dict[Role, str] = {
    "revenue": "revenue",
    "recency": "days_since_last",
    "transactions": "transaction_count",
}


def column_for(role: Role, columns: Iterable[Column], settings: Settings) -> Column | None:
    """The column that plays `role`, or None.

    What is set for RFM comes first, then the mapping for the models, then well-known names.
    """
    shown = (column for column in columns if not column.is_masked)
    fitting = {folded(column.name): column for column in shown if column.kind in _KINDS[role]}
    measure = _MEASURES.get(role)
    if measure and (column := fitting.get(folded(settings.rfm_columns.get(measure, "")))):
        return column
    mapped = settings.ml_feature_mapping.get(_MAPPED.get(role, ""), [])
    names = [mapped] if isinstance(mapped, str) else mapped
    for name in (*names, *_CANDIDATES[role]):
        if (column := fitting.get(folded(name))) and _has_unit(column, role):
            return column
    return None


def is_money(column: Column) -> bool:
    """Whether a column holds money, by its name and its values: a few whole numbers are not amounts."""
    low, high = column.minimum, column.maximum
    few = isinstance(low, int) and isinstance(high, int) and 0 <= low <= high <= _FEW
    return column.kind == "number" and unit_of(column.name) == "money" and not few


def _has_unit(column: Column, role: Role) -> bool:
    return role not in _UNITS or unit_of(column.name) in _UNITS[role]


def folded(name: str) -> str:
    """`TotalCharges`, `total_charges` and `Total Charges` are one name."""
    return re.sub(r"[\W_]", "", name).lower()
