"""Tables leave the writing of numbers to the browser, which knows the viewer's locale."""

import re

import pytest

from loyalty_core.ui import table_columns
from tests.workbench import ROOT

# What writes a decimal point or a percent sign of its own.
FIXED = re.compile(r'(?<!tick)format="%|tickformat="\.\d%|ticksuffix=|:[+,]*\.\d[f%]\}|:\+?,\}|%\{[xyz]:')


@pytest.mark.parametrize(
    ("column", "written"),
    [
        (table_columns.count_column(), {"type": "number", "format": "localized"}),
        (table_columns.decimal_column(digits=2), {"type": "number", "format": "localized", "step": 0.01}),
        (table_columns.share_column(), {"type": "number", "format": "percent", "step": 0.001}),
        (table_columns.share_column(digits=0), {"type": "number", "format": "percent", "step": 0.01}),
        (table_columns.share_bar(), {"type": "progress", "format": "percent", "step": 0.001, "max_value": 1}),
        (
            table_columns.decimal_bar(digits=3, highest=0.4),
            {"type": "progress", "format": "localized", "step": 0.001, "max_value": 0.4},
        ),
    ],
)
def test_a_column_has_a_format_of_the_locale_and_its_decimals(column: dict, written: dict):
    assert written.items() <= column["type_config"].items()


def test_only_the_modules_of_formats_write_numbers():
    deciding = {"formatting.py", "charts.py"}
    files = [*(ROOT / "loyalty_core" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    assert len(files) > 100
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in files
        if file.name not in deciding
        for line in file.read_text().splitlines()
        if FIXED.search(line)
    ]
    assert found == []
