"""System health: every part checked, one line each, with a remedy where something is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import metadata
from typing import Literal

from loyalty_core.analytics.monitoring import Monitoring, read_monitoring
from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.limits import WorkLimits
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.evaluation import grade_in_words
from loyalty_core.ml.serving import ModelsOfOtherData, ModelStatus, other_training_data
from loyalty_core.ml.tasks import TASKS
from loyalty_core.services import Services
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.connection import WarehouseHealth
from loyalty_core.warehouse.customers import key_figures
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.mapping import resolve_mapping
from loyalty_core.warehouse.source import name_data

Status = Literal["ok", "warning", "error"]

_PACKAGES = ("streamlit", "sqlalchemy", "duckdb", "duckdb-sqlalchemy", "pandas", "numpy", "plotly", "tensorflow")
# Embedded databases give a number alone as their version.
_PRODUCTS = {"duckdb": "DuckDB", "sqlite": "SQLite"}


@dataclass(frozen=True)
class Check:
    """One line: what was checked, its status, the facts, and the remedy unless all is well."""

    area: str
    name: str
    status: Status
    detail: str
    remedy: str = ""


def check_health(services: Services) -> list[Check]:
    """Check warehouse, view, mapping, models, monitoring, cache, store, load, versions; a failing part never raises."""
    return [
        *_warehouse_checks(services.warehouse),
        *_mapping_checks(services.warehouse),
        *_models_checks(services),
        _cache_check(services.features),
        _store_check(services),
        *_load_checks(services.limits),
        _version_check(),
    ]


def check_readiness(services: Services) -> list[Check]:
    """Check only what every request needs, the warehouse and the state store; never raises."""
    return [_connection_check(services.warehouse.health()), _store_check(services)]


def _connection_check(health: WarehouseHealth) -> Check:
    if health.error is not None:
        return _failed("Warehouse", "Connection", health.error)
    product = f"{_PRODUCTS.get(health.dialect, '')} {health.server.split(' on ')[0]}".strip()
    detail = f"{health.place}: {product}, answered in {health.seconds * 1000:.0f} ms."
    return Check("Warehouse", "Connection", "ok", detail)


def _warehouse_checks(warehouse: Warehouse) -> Iterator[Check]:
    health = warehouse.health()
    yield _connection_check(health)
    if health.error is not None:
        return
    yield _guards_check(health.guards, warehouse.settings.dwh_statement_timeout_seconds)
    view = warehouse.settings.dwh_customer_features_table
    try:
        figures = key_figures(warehouse)
    except LoyaltyError as error:
        yield _failed("Warehouse", "Features view", error)
        return
    catalog = warehouse.catalog()
    detail = f"{view}: {len(catalog.columns)} columns; customers: {figures.customers:,}."
    yield Check("Warehouse", "Features view", "ok", detail)
    if catalog.unreadable:
        yield _unreadable_check(view, catalog.unreadable)
    yield _ids_check(view, figures.duplicate_ids)
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


def _mapping_checks(warehouse: Warehouse) -> Iterator[Check]:
    settings = warehouse.settings
    try:
        mapped = resolve_mapping(settings.ml_feature_mapping, [column.name for column in warehouse.columns()])
    except LoyaltyError as error:
        yield _failed("Feature mapping", "Columns", error)
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


def _models_checks(services: Services) -> Iterator[Check]:
    status = services.inference.status()
    yield _version_in_use(status)
    yield from _experiment_check(status)
    try:
        models = services.inference.models()
    except ModelsOfOtherData as error:
        yield _failed("Models", "Training data", error)
        return
    except LoyaltyError:
        return  # the check of the active version says why
    if isinstance(models, Bundle):
        yield from _bundle_checks(models, services.warehouse)
        yield from _monitoring_checks(models, services.warehouse)
    else:
        yield Check("Monitoring", "Alarms", "ok", "Off in mock mode, whose scores come from a formula.")


def _version_in_use(status: ModelStatus) -> Check:
    if status.is_mock:
        remedy = "Set ML_MOCK_MODE to false for predictions of trained models."
        return Check("Models", "Active version", "warning", "Mock mode: predictions by formula.", remedy)
    if status.refusal is None:
        return Check("Models", "Active version", "ok", f"{status.version}.")
    serving = f" Version {status.version} continues to serve." if status.version else ""
    failed = _failed("Models", "Active version", status.refusal)
    return replace(failed, status="warning", detail=failed.detail + serving)


def _experiment_check(status: ModelStatus) -> Iterator[Check]:
    if status.experiment_refusal is not None:
        failed = _failed("Models", "A/B test", status.experiment_refusal)
        answers = "" if status.experiment else " The active version serves all customers."
        yield replace(failed, status="warning", detail=failed.detail + answers)
    elif status.experiment is not None:
        running = status.experiment
        yield Check("Models", "A/B test", "ok", f"{running.challenger} answers {running.share:.0%} of the customers.")


def _bundle_checks(bundle: Bundle, warehouse: Warehouse) -> Iterator[Check]:
    for name, task in TASKS.items():
        if bundle.has(name):
            entry = bundle.manifest["models"][name]
            graded = grade_in_words(entry["metrics"])
            day = datetime.fromisoformat(entry["trained_at"])
            trained = f"Trained {day:%-d %b %Y}." + (f" {graded}." if graded else "")
            yield Check("Models", task.title, "ok", trained)
        else:
            remedy = f"Once it has a history, run python train_models_from_dwh.py --model {name}."
            yield Check("Models", task.title, "warning", "This version has no such model.", remedy)
    try:
        other = other_training_data(bundle.manifest, warehouse)
        here = name_data(warehouse)
    except LoyaltyError:
        return
    if other:
        yield Check(
            "Models",
            "Training data",
            "warning",
            f"Trained on other data ({other}) than this warehouse's ({here}).",
            "Train on it: python train_models_from_dwh.py",
        )


def _monitoring_checks(bundle: Bundle, warehouse: Warehouse) -> Iterator[Check]:
    if warehouse.has_scope:
        yield Check("Monitoring", "Models against today's data", "ok", "Shown to viewers who see all customers.")
        return
    try:
        found = read_monitoring(warehouse, bundle.manifest)
    except LoyaltyError as error:
        yield replace(_failed("Monitoring", "Models against today's data", error), status="warning")
        return
    retraining = found.retraining()
    status: Status = "warning" if retraining.remedy else "ok"
    yield Check("Monitoring", "Retraining", status, retraining.sentence, retraining.remedy)
    yield from _alarm_checks(found)


def _alarm_checks(found: Monitoring) -> Iterator[Check]:
    for alarm in found.alarms:
        yield Check("Monitoring", "Alarm", "warning", alarm.sentence, alarm.remedy)
    if not found.alarms:
        scores = "The last scores differ between customers" if found.run else "Nobody has been scored yet"
        yield Check("Monitoring", "Alarms", "ok", f"{scores}, and every input of the models varies.")


def _cache_check(features: FeatureStore) -> Check:
    health = features.health()
    asked = health.hits + health.misses
    rate = "not used yet" if health.hit_rate is None else f"{health.hit_rate:.0%} of {asked:,} look-ups answered"
    where = "Redis" if health.kind == "redis" else f"In memory (customers: {health.entries or 0:,})"
    if not health.trouble:
        return Check("Feature cache", "Cache", "ok", f"{where}: {rate}.")
    remedy = "Answers stay correct: they come from the warehouse. Check REDIS_URL and its server; the app retries."
    return Check("Feature cache", "Cache", "warning", f"{health.trouble} {where}: {rate}.", remedy)


def _store_check(services: Services) -> Check:
    try:
        with services.store.session(read_only=True):
            pass  # as every use of the store does, this brings tables of an older version up to date
    except StateStoreUnavailable as error:
        return _failed("State store", "Database", error)
    health = services.store.health()
    if health.ok:
        detail = f"{health.url}: {health.dialect}, schema revision {health.revision}."
        return Check("State store", "Database", "ok", detail)
    return Check("State store", "Database", "error", health.detail, health.remedy)


def _load_checks(limits: WorkLimits) -> Iterator[Check]:
    """One line for each kind of work that waits; none while nothing does."""
    for depth in limits.depths():
        if depth.waiting:
            yield Check(
                "Load",
                depth.kind.capitalize(),
                "warning",
                f"{depth.waiting} waiting, {depth.running} of at most {depth.at_once} running; "
                f"those beyond {depth.most} in all are refused.",
                "If this happens often, raise DWH_POOL_SIZE, provided that the warehouse can do more at once.",
            )


def _version_check() -> Check:
    versions = {package: _version(package) for package in _PACKAGES}
    detail = ", ".join(f"{package} {version or 'missing'}" for package, version in versions.items())
    if None in versions.values():
        return Check("Versions", "Packages", "warning", f"{detail}.", "Run pip install -r requirements.txt.")
    return Check("Versions", "Packages", "ok", f"{detail}.")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _failed(area: str, name: str, error: LoyaltyError) -> Check:
    return Check(area, name, "error", f"{error.what} {error.why}".strip(), error.remedy)
