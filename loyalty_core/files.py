"""Files that are written whole or not at all, on disk before they are announced, and private where they hold data.

And where the files of the workbench itself are.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# How the system says that there is no more room: on the disk, within the quota, or for a single file.
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this account alone; one that exists stays as it is."""
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file that this account alone may read and write; one that exists stays as it is."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def write_file(path: Path, content: bytes) -> None:
    """Write a file and wait until its content is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically; its content is on disk when this returns."""
    with replacing(path) as unfinished:
        write_file(unfinished, content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it replaces `path` if the block succeeds, and is removed otherwise."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
        sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def remedy_for(error: OSError) -> str:
    """The remedy when a folder cannot be written."""
    return "Free some disk space." if error.errno in FULL_DISK else "Check the folder and its permissions."


def remove_unfinished(path: Path) -> None:
    """Remove the temporary files of killed writers of `path`; no writer may be running."""
    for unfinished in path.parent.glob(f".{escape(path.name)}.*.new"):
        unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def workbench_file(name: str) -> Path:
    """A file of the workbench's folder: of the current folder if it is there, else of the one that holds this package.

    So commands work in any folder, with the settings and data of that folder.
    """
    here = Path(name)
    return here if here.is_file() else Path(__file__).parents[1] / name
