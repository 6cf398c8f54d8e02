"""The table of what each database can do is the one in the documentation."""

from __future__ import annotations

from pathlib import Path

from loyalty_core.warehouse.dialects import DIALECTS
from loyalty_core.warehouse.dialects.abilities import Abilities, with_table
from tests.rules.test_dialects import GRAMMARS

DOCUMENT = Path(__file__).parents[2] / "docs" / "engines.md"


def test_the_document_has_the_table():
    text = DOCUMENT.read_text("utf-8")
    assert with_table(text, DIALECTS.values()) == text, "python -m loyalty_core.warehouse.dialects docs/engines.md"


def test_only_databases_that_this_suite_opens_are_called_tested():
    untested = Abilities().tested
    tested = {name for name, dialect in DIALECTS.items() if dialect.abilities.tested.partition(" ")[0] == "every"}
    assert tested == {"duckdb", "postgresql", "spark", "clickhouse"}
    by_grammar = {name for name, dialect in DIALECTS.items() if dialect.abilities.tested == untested}
    assert by_grammar == GRAMMARS.keys() - {"databricks"}
