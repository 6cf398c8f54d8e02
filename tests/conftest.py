"""Fixtures for every test: each module of them is registered here once, before one that imports it."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# Nothing is garbage while all libraries and tests are loaded, and looking for it takes a quarter of that time.
gc.disable()

# A busy machine may be slow at any moment.
settings.register_profile(
    "any machine",
    settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("any machine")

pytest_plugins = [
    "tests.fixtures.shared",
    "tests.servers",
    "tests.ml.fixtures",
    "tests.workbench",
    "tests.small_disk",
    "tests.fixtures.api",
    "tests.fixtures.hostile",
    "tests.fixtures.identities",
    "tests.fixtures.jobs",
    "tests.fixtures.loading",
    "tests.fixtures.logs",
    "tests.fixtures.screens",
    "tests.fixtures.receivers",
    "tests.fixtures.stores",
    "tests.fixtures.warehouses",
    "tests.segments.scored",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is shared first: a process that is out of work takes over the last tests of another, and makes it anew."""
    items.sort(key=lambda item: item.get_closest_marker("shares") is None)


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def collected() -> None:
    """What tests and libraries have loaded so far is no garbage: no collection need look through all of it again."""
    gc.collect()
    gc.freeze()
