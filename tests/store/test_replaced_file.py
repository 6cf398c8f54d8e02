"""The file of a SQLite store is removed, replaced, damaged or restored while the app runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store import StateStore, audit
from tests.store.trail import subjects, subjects_in, write_one


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(file: Path) -> Iterator[StateStore]:
    """A store in use: it has been written to and read."""
    with StateStore(f"sqlite:///{file}") as store:
        store.migrate()
        write_one(store, "old")
        assert subjects(store) == ["old"]
        yield store


def test_between_sessions_the_file_is_all_there_is(store: StateStore, file: Path):
    assert list(file.parent.iterdir()) == [file]


def test_nothing_is_saved_or_shown_of_a_file_that_was_removed(store: StateStore, file: Path):
    file.unlink()
    for use in (lambda: write_one(store, "new"), lambda: subjects(store)):
        with pytest.raises(StateStoreUnavailable, match=r"does not exist.*restore"):
            use()
    assert not file.exists()


@pytest.mark.parametrize("replace", [os.replace, shutil.copyfile], ids=["renamed", "overwritten"])
def test_another_file_at_the_path_is_the_one_that_is_read_and_written(store: StateStore, file: Path, replace):
    other = file.with_name("other.db")
    shutil.copyfile(file, other)
    write_one(store, "lost")
    replace(other, file)
    assert subjects(store) == ["old"]
    write_one(store, "new")
    assert subjects(store) == subjects_in(file) == ["new", "old"]


@pytest.mark.parametrize("remove", [True, False], ids=["removed", "replaced"])
def test_a_change_that_goes_to_the_former_file_is_not_acknowledged(store: StateStore, file: Path, remove: bool):
    other = file.with_name("other.db")
    shutil.copyfile(file, other)
    with (
        pytest.raises(StateStoreUnavailable, match=r"not saved.*removed or replaced.*again"),
        store.session() as session,
    ):
        audit.record(session, actor="ann", action="created", subject_kind="segment", subject_id="lost")
        session.flush()
        file.unlink() if remove else other.replace(file)
    if not remove:
        assert subjects(store) == subjects_in(file) == ["old"]


def test_a_damaged_file_is_reported_until_another_takes_its_place(store: StateStore, file: Path):
    good = file.with_name("good.db")
    shutil.copyfile(file, good)
    file.write_bytes(b"not a database at all, " * 100)
    for _ in range(2):
        with pytest.raises(StateStoreUnavailable, match=r"damaged.*restore"):
            write_one(store, "new")
        assert not store.health().ok
    good.replace(file)
    assert store.health().ok
    write_one(store, "new")
    assert subjects(store) == ["new", "old"]
