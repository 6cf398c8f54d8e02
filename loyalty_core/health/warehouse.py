"""Checks of the warehouse: its connection, the features view, and the columns that features are mapped to."""

from collections.abc import Iterator

from loyalty_core.errors import LoyaltyError
from loyalty_core.health.check import Check, Status, failed_check
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.connection import WarehouseHealth
from loyalty_core.warehouse.customers import duplicate_ids, key_figures
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.mapping import resolve_mapping

# Embedded databases give a number alone as their version.
_PRODUCTS = {"duckdb": "DuckDB", "sqlite": "SQLite"}


def connection_check(health: WarehouseHealth) -> Check:
    if health.error is not None:
        return failed_check("Warehouse", "Connection", health.error)
    product = f"{_PRODUCTS.get(health.dialect, '')} {health.server.split(' on ')[0]}".strip()
    detail = f"{health.place}: {product}, answered in {health.seconds * 1000:.0f} ms."
    return Check("Warehouse", "Connection", "ok", detail)


def warehouse_checks(warehouse: Warehouse) -> Iterator[Check]:
    health = warehouse.health()
    yield connection_check(health)
    if health.error is not None:
        return
    yield _guards_check(health.guards, warehouse.settings.dwh_statement_timeout_seconds)
    view = warehouse.settings.dwh_customer_features_table
    try:
        figures, duplicates = key_figures(warehouse), duplicate_ids(warehouse)
    except LoyaltyError as error:
        yield failed_check("Warehouse", "Features view", error)
        return
    catalog = warehouse.catalog()
    detail = f"{view}: {len(catalog.columns)} columns; customers: {figures.customers:,}."
    yield Check("Warehouse", "Features view", "ok", detail)
    if catalog.unreadable:
        yield _unreadable_check(view, catalog.unreadable)
    yield _ids_check(view, duplicates)
    yield from _values_check(warehouse)


def _guards_check(held: Guards, limit_seconds: float) -> Check:
    facts = [
        "Writing is refused." if held.refuses_writes else "Writing is not refused by the connection.",
        f"Statements are stopped after {limit_seconds:g} s." if held.limits_time else "Statements have no time limit.",
    ]
    remedies = [
        "" if held.refuses_writes else "Use an account that may only read.",
        "" if held.limits_time else "Set a time limit for the account in the database.",
    ]
    status: Status = "ok" if held.refuses_writes and held.limits_time else "warning"
    return Check("Warehouse", "Read-only and time limit", status, " ".join(facts), " ".join(filter(None, remedies)))


def _unreadable_check(view: str, columns: tuple[str, ...]) -> Check:
    return Check(
        "Warehouse",
        "Columns without permission",
        "warning",
        f"The account may not read these columns of {view}, which are left out: {', '.join(columns)}.",
        "Grant it SELECT on them if they are needed.",
    )


def _ids_check(view: str, duplicates: int) -> Check:
    if not duplicates:
        return Check("Warehouse", "Customer ids", "ok", "Every customer has exactly one row.")
    return Check(
        "Warehouse",
        "Customer ids",
        "error",
        f"{duplicates:,} rows of {view} have a blank id or one that another row has too.",
        "Give every customer exactly one row in the view; those customers cannot be opened until then.",
    )


def _values_check(warehouse: Warehouse) -> Iterator[Check]:
    """One line for all columns with dates that Python cannot represent; none where there is no such date."""
    columns = [f"{column.out_of_range:,} of {column.name}" for column in warehouse.columns() if column.out_of_range]
    if columns:
        yield Check(
            "Warehouse",
            "Values",
            "warning",
            "Dates that cannot be represented (infinity, before the year 1, after 9999) read as blank: "
            f"{', '.join(columns)}.",
            "Replace them by NULL or by real dates in the view, unless blank is what they mean.",
        )


def mapping_checks(warehouse: Warehouse) -> Iterator[Check]:
    settings = warehouse.settings
    try:
        mapped = resolve_mapping(settings.ml_feature_mapping, [column.name for column in warehouse.columns()])
    except LoyaltyError as error:
        yield failed_check("Feature mapping", "Columns", error)
        return
    for feature in mapped:
        if feature.column is not None:
            yield Check("Feature mapping", feature.name, "ok", f"Found: column {feature.column}.")
        else:
            tried = " or ".join(feature.candidates)
            nearest = f" The nearest column is {feature.nearest}." if feature.nearest else ""
            remedy = f"Map it to a column that exists, in ML_FEATURE_MAPPING.{nearest}"
            yield Check("Feature mapping", feature.name, "warning", f"Missing: no column {tried}.", remedy)
    yield _size_check(len(mapped), settings.ml_model_input_size)


def _size_check(mapped: int, expected: int) -> Check:
    if mapped == expected:
        return Check("Feature mapping", "Input size", "ok", f"{mapped} features mapped, as ML_MODEL_INPUT_SIZE says.")
    return Check(
        "Feature mapping",
        "Input size",
        "error",
        f"Feature count mismatch: ML_MODEL_INPUT_SIZE is {expected}, and {mapped} features are mapped.",
        f"Set ML_MODEL_INPUT_SIZE to {mapped}, or change ML_FEATURE_MAPPING.",
    )
