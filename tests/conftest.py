"""Fixtures for every test: each module of them is registered here once, before one that imports it."""

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

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


def pytest_collection(session: pytest.Session) -> None:
    """Each of several processes first imports other modules of tests.

    So each module's asserts are rewritten by one process, which takes longer than to import it, and read by the others.
    """
    index, count = (os.environ.get(f"PYTEST_XDIST_{name}", "") for name in ("WORKER", "WORKER_COUNT"))
    if index:
        places = [Path(argument.partition("::")[0]).absolute() for argument in session.config.args]
        modules = sorted({module for place in places for module in place.rglob("test_*.py")})
        for module in modules[int(index.removeprefix("gw")) :: int(count)]:
            with suppress(Exception, pytest.skip.Exception):  # reported by the collection that follows
                import_module(".".join(module.relative_to(session.config.rootpath).with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is shared first: a process that is out of work takes over the last tests of another, and makes it anew."""
    items.sort(key=lambda item: item.get_closest_marker("shares") is None)


def pytest_collection_finish() -> None:
    gc.enable()
    if "tensorflow" in sys.modules:
        what = "A module of tests loads TensorFlow where it is imported, and so five seconds long in every process."
        raise pytest.UsageError(f"{what} Import what needs it in the functions that use it.")


@pytest.fixture(scope="module", autouse=True)
def collected() -> None:
    """What tests and libraries have loaded so far is no garbage: no collection need look through all of it again."""
    gc.collect()
    gc.freeze()
