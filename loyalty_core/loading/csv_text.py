"""CSV files as people have them: encoding, line ends, delimiter and heading, found before DuckDB reads."""

import codecs
import csv
import gzip
import io
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

from loyalty_core.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UTF8 = "utf-8-sig"  # with or without a byte order mark
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_CHARACTERS = 1024 * 1024
SAMPLE_RECORDS = 200


@dataclass(frozen=True)
class CsvText:
    """A CSV that DuckDB can read as it is: UTF-8, one kind of line end, names that are unique."""

    path: Path
    compression: str
    delimiter: str
    names: list[str]
    blank_lines_above: int
    notes: list[str]


@contextmanager
def plain_csv(file: Path) -> Generator[CsvText, None, None]:
    """The file itself when it is plain, else a rewritten copy that lives as long as the block.

    Raises DataError when the file is not text or its gzip packing is damaged.
    """
    try:
        encoding, mixed_line_ends = _survey(file)
        if encoding == UTF8 and not mixed_line_ends:
            yield _with_heading(file, [])
            return
        notes = [f"{file.name} is not UTF-8, so it was read as Windows-1252."] if encoding == "cp1252" else []
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "plain.csv"
            with (
                _open_text(file, encoding) as source,
                copy.open("w", encoding="utf-8", newline="\n") as target,
            ):
                target.writelines(_pieces(source))
            yield _with_heading(copy, notes)
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{file.name} is a damaged gzip file.", remedy="Copy or export it again.") from error
    except UnicodeError as error:
        raise DataError(
            f"{file.name} is not text that can be read.",
            "It is neither UTF-8 nor UTF-16 nor Windows-1252.",
            "Save it as CSV (UTF-8) and load that.",
        ) from error


def _survey(file: Path) -> tuple[str, bool]:
    """Read the file once: its encoding, and whether its lines end in more than one way."""
    with file.open("rb") as stream:
        if stream.read(2) in UTF16_MARKS:
            return "utf-16", False
    try:
        with _open_text(file, UTF8) as text:
            for _ in _pieces(text):
                pass
            return UTF8, isinstance(text.newlines, tuple)
    except UnicodeDecodeError:
        return "cp1252", False


def _open_text(file: Path, encoding: str) -> TextIO:
    if _is_gzip(file):
        return cast("TextIO", gzip.open(file, "rt", encoding=encoding))
    return file.open(encoding=encoding)


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def _pieces(text: TextIO) -> Iterable[str]:
    while piece := text.read(SAMPLE_CHARACTERS):
        yield piece


def _with_heading(path: Path, notes: list[str]) -> CsvText:
    with _open_text(path, UTF8) as text:
        lines = list(io.StringIO(text.read(SAMPLE_CHARACTERS)))
    blank_lines_above = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    lines = lines[blank_lines_above:]
    delimiter = max(DELIMITERS, key=lambda candidate: _agreement(lines, candidate))
    names, renamed = _unique_names(next(_records(lines, delimiter), []))
    compression = "gzip" if _is_gzip(path) else "none"
    return CsvText(path, compression, delimiter, names, blank_lines_above, notes + renamed)


def _records(lines: list[str], delimiter: str) -> Generator[list[str], None, None]:
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:  # a quote that is never closed; DuckDB will say in which line
        return


def _agreement(lines: list[str], delimiter: str) -> tuple[int, int]:
    """How many of the first records have as many fields as the heading, and how many fields that is."""
    counts = [len(record) for record in islice(_records(lines, delimiter), SAMPLE_RECORDS)]
    if not counts or counts[0] == 1:
        return 0, 0
    return counts.count(counts[0]), counts[0]


def _unique_names(heading: list[str]) -> tuple[list[str], list[str]]:
    """Column names of which none is blank or there twice (case aside), and notes on those changed."""
    names: list[str] = []
    notes: list[str] = []
    taken: set[str] = set()
    for position, given in enumerate(heading, start=1):
        name = given if given.strip() else f"column_{position}"
        if name.lower() in taken:
            name = f"{name}_{position}"
        if name != given:
            notes.append(f"Column {position} is called {name} here, as its name {given!r} is blank or a repeat.")
        taken.add(name.lower())
        names.append(name)
    return names, notes
