"""The rule as text beside the visual form."""

import pytest

from loyalty_core.ui.segments.editor.editor_state import Editor
from loyalty_core.warehouse import Column

FIELDS = [Column("age", "number", "", "Age")]
OLD = {">": [{"var": "age"}, 60]}


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_blank_text_is_everyone(text: str):
    editor = Editor(None, OLD, FIELDS)
    editor.take_text(text, FIELDS)
    assert (editor.draft.rule(), editor.text_faults) == ({}, ())


def test_what_is_no_rule_is_kept_with_its_fault():
    editor = Editor(None, OLD, FIELDS)
    editor.take_text("{", FIELDS)
    assert (editor.text, editor.draft.rule()) == ("{", OLD)
    assert editor.text_faults
    assert editor.is_changed


def test_a_condition_without_a_value_would_be_lost():
    editor = Editor(None, {}, FIELDS)
    assert not editor.is_changed
    editor.insert(FIELDS[0])
    assert editor.is_changed
