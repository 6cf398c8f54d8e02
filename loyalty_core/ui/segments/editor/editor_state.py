"""The state of the editor between two runs of the page: one segment's rule while it is edited."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from loyalty_core.rules import Fault, RuleError
from loyalty_core.segments import RuleFields, Segment
from loyalty_core.segments.figures import ConditionCount, Preview
from loyalty_core.services import get_services
from loyalty_core.ui.segments.address import Address, encoded_rule
from loyalty_core.ui.segments.editor.condition_note import ConditionNote
from loyalty_core.ui.segments.editor.draft import RuleDraft
from loyalty_core.ui.segments.editor.json_lines import read_rule
from loyalty_core.warehouse import Column

_KEY = "segment-editors"


class Editor:
    """A draft with the segment that it is to become a version of, None for a new one.

    `text` is the rule as JSON, as the viewer wrote it or as the visual form gives it; `text_faults` say why it cannot
    be read, and then the draft still has the previous rule. `version` is the one that the draft was made from, and
    `newest` the segment as others may have saved it meanwhile. `latest_preview` has the figures that were drawn last.
    """

    def __init__(
        self, segment: Segment | None, rule: Any, fields: Sequence[Column], *, version: int | None = None
    ) -> None:
        self.segment = segment
        self.newest = segment
        self.version = version or (segment.version if segment else None)
        self.draft = RuleDraft()
        self.draft.load(rule, fields)
        self.latest_preview: Preview | None = None
        self._fields: RuleFields | None = None
        self.text = ""
        self.text_faults: tuple[Fault, ...] = ()
        self.link = ""  # how the address spells the rule, as far as the editor itself has put it there
        self.follow_draft()

    @property
    def segment_id(self) -> str | None:
        return self.segment.id if self.segment else None

    @property
    def is_changed(self) -> bool:
        """Whether anything would be lost by leaving."""
        saved = self.segment.rule if self.segment else {}
        return self.draft.rule() != saved or bool(self.text_faults or self.draft.incomplete())

    @property
    def is_overtaken(self) -> bool:
        """Whether somebody saved a newer version than the one that the draft was made from."""
        return self.newest is not None and self.newest.version != self.version

    def read_newest(self) -> None:
        """Read the segment as it is saved now; raises `SegmentNotFound`."""
        if self.newest is not None:
            self.newest = get_services().segments.get(self.newest.id)

    def follow_draft(self) -> None:
        """Write the text anew after an edit in the visual form."""
        self.text = json.dumps(self.draft.rule(), indent=2, ensure_ascii=False)
        self.text_faults = ()

    def take_text(self, text: str, fields: Iterable[Column]) -> None:
        """Apply a rule written as JSON; if it is not one, the draft stays and `text_faults` says why."""
        self.text = text
        try:
            read_rule(text)
            self.draft.apply_json(text.strip() or "{}", fields)
            self.text_faults = ()
        except RuleError as error:
            self.text_faults = error.faults

    def insert(self, column: Column) -> None:
        """Add a condition on the column to the outermost group."""
        if self.draft.tree is not None:
            self.draft.add_condition(self.draft.tree.id, column)
            self.follow_draft()

    def lend_fields(self, fields: RuleFields) -> None:
        """Pass on the fields that this run of the page has read, so that they are not read twice."""
        self._fields = fields

    def take_fields(self) -> RuleFields:
        """The fields as this run of the page has read them; in a rerun of a fragment alone, read anew."""
        fields, self._fields = self._fields, None
        return fields or get_services().segmentation.read_fields(self.segment_id)

    def notes(self, preview: Preview) -> Mapping[str, ConditionNote]:
        """The counts by the ids of the conditions in the draft."""
        found = {}
        for node_id, path in self.draft.paths().items():
            count = _at(path, preview.conditions)
            if count is not None:
                found[node_id] = ConditionNote(count.holds, count.blanks, preview.customers, count.certain)
        return found


def open_editor_state(address: Address, fields: RuleFields) -> Editor:
    """The editor for an address: as it was left, or begun with the rule of the link, of the segment, or none."""
    editor = _held_editor(address, fields) or _new_editor(address, fields)
    editor.lend_fields(fields)
    return editor


def _held_editor(address: Address, fields: RuleFields) -> Editor | None:
    """The editor as it was left, unless the link brings another rule, or a newer version and nothing to lose."""
    held = _editors().get(address.segment_id)
    if held is None or (address.rule is not None and encoded_rule() != held.link):
        return None
    if held.newest is not None and fields.version_of(held.newest.id) != held.newest.version:
        held.read_newest()
    return held if held.is_changed or not held.is_overtaken else None


def _new_editor(address: Address, fields: RuleFields) -> Editor:
    segment = get_services().segments.get(address.segment_id) if address.segment_id else None
    saved = segment.rule if segment else {}
    rule = saved if address.rule is None else address.rule
    # A rule that is the saved one has nothing to lose, and a version that is not there yet says nothing.
    is_older = segment is not None and address.version is not None and address.version < segment.version
    version = address.version if is_older and rule != saved else None
    editor = Editor(segment, rule, fields.columns, version=version)
    editor.link = encoded_rule()
    _editors()[address.segment_id] = editor
    return editor


def unsaved_editors() -> list[Editor]:
    """The editors that were left without saving."""
    return [editor for editor in _editors().values() if editor.is_changed]


def discard_editor(editor: Editor) -> None:
    """Discard unsaved changes."""
    _editors().pop(editor.segment_id, None)


def _editors() -> dict[str | None, Editor]:
    """One for each segment that was edited, and one for a new segment."""
    return st.session_state.setdefault(_KEY, {})


def _at(path: str, counts: Sequence[ConditionCount]) -> ConditionCount | None:
    """The condition at a path: its own path continues with the operator."""
    return next((count for count in counts if count.path == path or count.path.startswith(f"{path}.")), None)
