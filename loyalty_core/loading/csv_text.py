"""CSV files as they are exported: encoding, line ends, delimiter and heading, found before DuckDB reads them."""

import codecs
import csv
import gzip
import io
import re
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from loyalty_core.errors import DataError
from loyalty_core.loading.csv_layout import SPACES, delimiter_of, has_heading, records

GZIP_MAGIC = b"\x1f\x8b"
UTF8 = "utf-8-sig"  # with or without a byte order mark
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
SAMPLE_CHARACTERS = 1024 * 1024
MOSTLY_LATIN = 0.5
MAX_LINES_NAMED = 5
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # for Excel


@dataclass(frozen=True)
class CsvText:
    """A CSV that DuckDB can read as it is: UTF-8, one kind of line end, unique names."""

    path: Path
    compression: str
    delimiter: str
    names: list[str]
    lines_above: int  # blank ones, and one that names the delimiter
    notes: list[str]
    has_heading: bool


@contextmanager
def plain_csv(file: Path, encoding: str | None = None, heading: bool | None = None) -> Generator[CsvText, None, None]:
    """The file itself when it is plain, else a rewritten copy that lives as long as the block.

    `heading` says whether the first line names the columns; None decides by the lines themselves.

    Raises DataError when the file is not text or its gzip packing is damaged.
    """
    try:
        survey = _survey(file, encoding)
        if survey.is_plain and not _is_spaced(file):
            yield _with_heading(file, survey, heading)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "plain.csv"
            with (
                _open_text(file, survey.encoding, survey.errors) as source,
                copy.open("w", encoding="utf-8", newline="\n") as target,
            ):
                target.writelines(_pieces(source))
            if _is_spaced(copy):
                copy = _with_tabs(copy)
                note = f"The values of {file.name} are separated by spaces."
                survey = replace(survey, delimiter="\t", notes=[*survey.notes, note])
            yield _with_heading(copy, survey, heading)
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{file.name} is a damaged gzip file.", remedy="Copy or export it again.") from error
    except (UnicodeError, LookupError) as error:
        raise DataError(
            f"{file.name} is not text that can be read.",
            f"It is not {encoding}." if encoding else "It is neither UTF-8 nor UTF-16 nor Windows-1252.",
            "Save it as CSV (UTF-8) and load that, or name its encoding with --encoding.",
        ) from error


@dataclass(frozen=True)
class _Survey:
    """How a file is encoded. `is_plain`: DuckDB can read it as it is."""

    encoding: str
    is_plain: bool = False
    errors: str = "strict"
    notes: list[str] = field(default_factory=list)
    delimiter: str | None = None


def utf16_of(head: bytes) -> str | None:
    """The Python name of the UTF-16 encoding that a file begins with, with or without a byte order mark."""
    if head.startswith(UTF16_MARKS):
        return "utf-16"
    zeros = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
    mostly_latin = len(head) // 2 * MOSTLY_LATIN
    return next(
        (name for name, count in zeros.items() if count > mostly_latin and head.count(0) == count),
        None,
    )


def _survey(file: Path, encoding: str | None) -> _Survey:
    """Read the whole file once to find its encoding, and whether its lines end in one way."""
    if encoding:
        return _Survey(encoding)
    with _open_bytes(file) as stream:
        if utf16 := utf16_of(stream.read(SAMPLE_CHARACTERS)):
            return _Survey(utf16)
    try:
        with _open_text(file, UTF8) as text:
            for _ in _pieces(text):
                pass
            return _Survey(UTF8, is_plain=not isinstance(text.newlines, tuple))
    except UnicodeDecodeError:
        return _survey_of_lines(file)


def _survey_of_lines(file: Path) -> _Survey:
    """Distinguish UTF-8 with some broken bytes from Windows-1252, where valid UTF-8 sequences hardly ever occur."""
    intact, broken = 0, list[int]()
    cut_off = False
    with _open_bytes(file) as stream:
        for number, line in enumerate(stream, start=1):
            if line.isascii():
                continue
            try:
                line.decode()
                intact += 1
            except UnicodeDecodeError as error:
                broken.append(number)
                cut_off = error.reason == "unexpected end of data"
    if intact < len(broken) and not (cut_off and len(broken) == 1):
        note = f"{file.name} is not UTF-8, so it was read as Windows-1252 (see --encoding)."
        return _Survey("cp1252", notes=[note])
    lines = f"Line {broken[0]:,} is" if len(broken) == 1 else f"Lines {_numbers(broken)} are"
    note = f"{lines} not valid UTF-8 as the rest of {file.name} is: what cannot be read became \ufffd."
    return _Survey(UTF8, errors="replace", notes=[note])


def _numbers(lines: list[int]) -> str:
    shown = ", ".join(f"{line:,}" for line in lines[:MAX_LINES_NAMED])
    return shown if len(lines) <= MAX_LINES_NAMED else f"{shown} and {len(lines) - MAX_LINES_NAMED:,} more"


def _open_bytes(file: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(file, "rb")) if _is_gzip(file) else file.open("rb")


def _open_text(file: Path, encoding: str, errors: str = "strict") -> TextIO:
    if _is_gzip(file):
        return cast("TextIO", gzip.open(file, "rt", encoding=encoding, errors=errors))
    return file.open(encoding=encoding, errors=errors)


def _is_gzip(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def _pieces(text: TextIO) -> Iterable[str]:
    while piece := text.read(SAMPLE_CHARACTERS):
        yield piece


def _is_spaced(path: Path) -> bool:
    with _open_text(path, UTF8) as text:
        return delimiter_of(text.read(SAMPLE_CHARACTERS).splitlines()) == SPACES


def _with_tabs(path: Path) -> Path:
    """A copy beside the file with its values separated by tabs instead of spaces."""
    copy = path.with_name("tabs.csv")
    with path.open(encoding="utf-8") as source, copy.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target, delimiter="\t", lineterminator="\n").writerows(records(source, SPACES))
    return copy


def _with_heading(path: Path, survey: _Survey, heading: bool | None) -> CsvText:
    with _open_text(path, UTF8) as text:
        lines = list(io.StringIO(text.read(SAMPLE_CHARACTERS)))
    lines_above = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    stated = SEPARATOR_LINE.fullmatch(lines[lines_above].rstrip("\r\n")) if lines_above < len(lines) else None
    lines_above += stated is not None
    lines = lines[lines_above:]
    delimiter = stated[1] if stated else survey.delimiter or delimiter_of(lines)
    first = next(records(lines, delimiter), [])
    named = heading if heading is not None else bool(first) and has_heading(lines, delimiter)
    names, renamed = _unique_names(first if named else [""] * len(first), is_named=named)
    compression = "gzip" if _is_gzip(path) else "none"
    return CsvText(path, compression, delimiter, names, lines_above, survey.notes + renamed, named)


def _unique_names(heading: list[str], *, is_named: bool) -> tuple[list[str], list[str]]:
    """Column names, none of them blank or repeated (ignoring case), and notes on those that were changed."""
    if not is_named:
        names = [f"column_{position}" for position in range(1, len(heading) + 1)]
        return names, [f"The first line is data: the columns are called {names[0]} to {names[-1]} (see --heading)."]
    names: list[str] = []
    notes: list[str] = []
    taken: set[str] = set()
    for position, given in enumerate(heading, start=1):
        name = given if given.strip() else f"column_{position}"
        if name.lower() in taken:
            name = f"{name}_{position}"
        if name != given:
            notes.append(f"Column {position} is called {name} here, as its name {given!r} is blank or repeated.")
        taken.add(name.lower())
        names.append(name)
    return names, notes
