"""How the lines of a CSV are laid out: what separates the values, and whether the first line names the columns."""

import csv
import re
from collections.abc import Generator, Iterable, Sequence
from itertools import islice

DELIMITERS = (",", ";", "\t", "|")
SPACES = " "
_SAMPLE_RECORDS = 200
_NEARLY_ALL = 0.9  # of a column's values are numbers or dates: then its heading should not be one
_MIN_RECORDS = 2
_VALUE = re.compile(r"[-+(]?[$€£]? ?\d[\d.,' ]*\)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?")


def delimiter_of(lines: Sequence[str]) -> str:
    """The delimiter by which most records have as many fields as the first; a space where values are in columns."""
    best = max(DELIMITERS, key=lambda candidate: _agreement(lines, candidate))
    return SPACES if _agreement(lines, best) == (0, 0) and _is_in_columns(lines) else best


def records(lines: Iterable[str], delimiter: str) -> Generator[list[str], None, None]:
    """The records of the lines, up to one with a quote that is never closed; DuckDB reports its line."""
    if delimiter == SPACES:
        yield from (line.split() for line in lines if line.strip())
        return
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:
        return


def has_heading(lines: Sequence[str], delimiter: str) -> bool:
    """Whether the first record names the columns, rather than being a customer or a purchase itself.

    It is one itself where it has a number or a date wherever the others have, and looks like them elsewhere.
    """
    first, *others = [one for one in islice(records(lines, delimiter), _SAMPLE_RECORDS) if any(map(str.strip, one))]
    others = [one for one in others if len(one) == len(first)]
    if len(others) < _MIN_RECORDS:
        return True
    columns = [(heading, [one[at] for one in others if one[at].strip()]) for at, heading in enumerate(first)]
    filled = [(heading, values) for heading, values in columns if values]
    typed = [heading for heading, values in filled if _share_of_values(values) >= _NEARLY_ALL]
    texts = [(heading, values) for heading, values in filled if _share_of_values(values) < _NEARLY_ALL]
    is_alike = all(_shape(heading) in map(_shape, values) for heading, values in texts)
    return not (typed and is_alike and all(_VALUE.fullmatch(heading.strip()) for heading in typed))


def _share_of_values(values: Sequence[str]) -> float:
    return sum(_VALUE.fullmatch(value.strip()) is not None for value in values) / len(values)


def _shape(text: str) -> str:
    """`K-0017` → A-9, `Jo Smith` → Aa Aa: texts of one kind have few shapes."""
    shape = re.sub(r"\d+", "9", text.strip())
    return re.sub(r"[a-zà-ÿ]+", "a", re.sub(r"[A-ZÀ-Þ]+", "A", shape))


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    """How many of the first records have as many fields as the heading, and how many fields that is."""
    counts = [len(record) for record in islice(records(lines, delimiter), _SAMPLE_RECORDS)]
    if not counts or counts[0] == 1:
        return 0, 0
    return counts.count(counts[0]), counts[0]


def _is_in_columns(lines: Sequence[str]) -> bool:
    """Whether all lines have the same number of values, two or more, with spaces between them."""
    counts = {len(line.split()) for line in lines[:_SAMPLE_RECORDS] if line.strip()}
    return len(counts) == 1 and counts.pop() > 1
