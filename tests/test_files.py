"""Files written whole or not at all."""

from pathlib import Path

import pytest

from loyalty_core.files import remove_unfinished, replace_file, replacing


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
