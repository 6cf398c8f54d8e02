"""Programmes with a state store of their own: in a file, or on both databases where that could make a difference."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loyalty_core.store import StateStore
from tests.campaigns.programme import Customer, Programme, open_programme

Open = Callable[..., Programme]


@pytest.fixture
def programme(tmp_path: Path, migrated_file: Path) -> Iterator[Open]:
    """Opens a programme with the customers given; its state store is a file."""
    yield from _opener(tmp_path, f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'state.db')}")


@pytest.fixture
def programme_anywhere(tmp_path: Path, store: StateStore) -> Iterator[Open]:
    """The same on both databases."""
    yield from _opener(tmp_path, store.url.render_as_string(hide_password=False))


def _opener(folder: Path, store_url: str) -> Iterator[Open]:
    opened: list[Programme] = []

    def open_one(*customers: Customer, **settings: Any) -> Programme:
        opened.append(open_programme(folder, store_url, customers, **settings))
        return opened[-1]

    yield open_one
    for one in opened:
        one.services.warehouse.close()
        one.services.store.close()
