"""Checks of what the app runs on: the feature cache, the state store, its load and its packages."""

from collections.abc import Iterator
from functools import cache
from importlib import metadata

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.health.check import Check, failed_check
from loyalty_core.limits import WorkLimits
from loyalty_core.services import Services
from loyalty_core.warehouse import FeatureStore

_PACKAGES = ("streamlit", "sqlalchemy", "duckdb", "duckdb-sqlalchemy", "pandas", "numpy", "plotly", "tensorflow")


def cache_check(features: FeatureStore) -> Check:
    health = features.health()
    asked = health.hits + health.misses
    rate = "not used yet" if health.hit_rate is None else f"{health.hit_rate:.0%} of {asked:,} look-ups answered"
    where = "Redis" if health.kind == "redis" else f"In memory (customers: {health.entries or 0:,})"
    if not health.trouble:
        return Check("Feature cache", "Cache", "ok", f"{where}: {rate}.")
    remedy = "Answers stay correct: they come from the warehouse. Check REDIS_URL and its server; the app retries."
    return Check("Feature cache", "Cache", "warning", f"{health.trouble} {where}: {rate}.", remedy)


def store_check(services: Services) -> Check:
    try:
        with services.store.session(read_only=True):
            pass  # as every use of the store does, this brings tables of an older version up to date
    except StateStoreUnavailable as error:
        return failed_check("State store", "Database", error)
    health = services.store.health()
    if health.ok:
        detail = f"{health.url}: {health.dialect}, schema revision {health.revision}."
        return Check("State store", "Database", "ok", detail)
    return Check("State store", "Database", "error", health.detail, health.remedy)


def load_checks(limits: WorkLimits) -> Iterator[Check]:
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


def version_check() -> Check:
    versions = {package: _version(package) for package in _PACKAGES}
    detail = ", ".join(f"{package} {version or 'missing'}" for package, version in versions.items())
    if None in versions.values():
        return Check("Versions", "Packages", "warning", f"{detail}.", "Run make install.")
    return Check("Versions", "Packages", "ok", f"{detail}.")


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
