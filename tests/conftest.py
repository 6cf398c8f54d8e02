"""Fixtures for every test: each module of them is registered here once, before one that imports it."""

pytest_plugins = [
    "tests.servers",
    "tests.ml.fixtures",
    "tests.workbench",
    "tests.small_disk",
    "tests.fixtures.api",
    "tests.fixtures.jobs",
    "tests.fixtures.loading",
    "tests.fixtures.screens",
    "tests.fixtures.stores",
    "tests.fixtures.warehouses",
    "tests.segments.scored",
]
