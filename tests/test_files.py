"""Files written whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_core.files import make_private_file, make_private_folder, remove_unfinished, replace_file, replacing


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "active.json"
    replace_file(file, b"first")
    replace_file(file, b"second")
    assert file.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "active.json"
    replace_file(file, b"first")
    with pytest.raises(RuntimeError), replacing(file) as unfinished:
        unfinished.write_bytes(b"half")
        raise RuntimeError
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    file, other = tmp_path / "[1].json", tmp_path / ".other.json.0a1b2c3d.new"
    (tmp_path / ".[1].json.0a1b2c3d.new").write_bytes(b"half")
    other.write_bytes(b"of somebody else")
    remove_unfinished(file)
    assert list(tmp_path.iterdir()) == [other]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A process that lets everybody read and write what it makes."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_private_files_and_folders_are_for_their_account_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "exports"
    make_private_folder(folder)
    make_private_file(folder / "vip.csv")
    assert [permissions(path) for path in (folder.parent, folder, folder / "vip.csv")] == [0o700, 0o700, 0o600]


def test_what_is_there_keeps_its_permissions_and_content(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"content")
    file.chmod(0o640)
    tmp_path.chmod(0o750)
    make_private_folder(tmp_path)
    make_private_file(file)
    assert (permissions(tmp_path), permissions(file), file.read_bytes()) == (0o750, 0o640, b"content")


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777
