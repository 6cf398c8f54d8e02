"""Binding of `in`: a member of a list, or a part of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.rules.binding.comparisons import ComparisonBinder, name_of
from loyalty_core.rules.binding.constants import as_member
from loyalty_core.rules.binding.values import KIND_WORDS
from loyalty_core.rules.parse import Broken, Items, Literal, Node
from loyalty_core.rules.tree import (
    AllOf,
    Always,
    AnyOf,
    Blank,
    Condition,
    Membership,
    Negation,
    TextMatch,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_DAYS = 1_000


class MembershipBinder(ComparisonBinder):
    """Reads the parts of a rule that search a list or a text."""

    def membership(self, needle: Node, whole: Node, path: str) -> Condition:
        """`in`: whether the whole, a list or a text, has the needle in it."""
        if isinstance(whole, Broken) or isinstance(needle, Broken):
            self.note_faults(whole)
            self.note_faults(needle)
            return Always(False, path)
        if whole.constant:
            return self._in_constant(needle, whole, path)
        if isinstance(whole, Items):
            return self._among_values(needle, whole, path)
        text = self.value(whole)
        if text is not None and text.kind != "text":
            remedy = "Write the column first and the list after it."
            return self.refuse("wrong_type", path, f"{name_of(text)} holds {KIND_WORDS[text.kind]}, not texts.", remedy)
        if needle.constant and self.constant(needle) is None:
            return Always(False, path)
        part = self.value(needle, "text")
        return TextMatch("contains", text, part, path) if text and part else Always(False, path)

    def _in_constant(self, needle: Node, whole: Node, path: str) -> Condition:
        given = self.constant(whole)
        if isinstance(given, list):
            return self._among(needle, given, whole, path)
        part = self.value(needle, "text")
        text = self.read(given, "text", whole.path)
        return TextMatch("contains", text, part, path) if text and part else Always(False, path)

    def _among(self, needle: Node, given: list[Any], whole: Node, path: str) -> Condition:
        value = self.value(needle)
        if value is None:
            return Always(False, path)
        if value.kind in {"date", "datetime"}:
            return self._among_days(value, _members(given, whole), whole.path, path)
        listed = [member for member in given if member is not None]
        read = {as_member(member, value.kind): None for member in listed} if value.kind != "other" else {}
        members = tuple(member for member in read if member is not None)
        if listed and not members:
            sentence = f"No member of the list can match {name_of(value)}, which holds {KIND_WORDS[value.kind]}."
            return self.refuse("wrong_type", whole.path, sentence)
        return Membership(value, members, len(listed) < len(given), path)

    def _among_days(self, value: Value, members: Sequence[Node], members_path: str, path: str) -> Condition:
        if len(members) > _MAX_DAYS:
            sentence = f"A list of dates has more than {_MAX_DAYS:,} members."
            return self.refuse("too_long", members_path, sentence, "Use a period.")
        days = [(member, self.constant(member)) for member in members]
        found = [self.compare_date("==", value, day, member, path) for member, day in days if day is not None]
        blank = [Blank(value, path)] if len(found) < len(days) else []
        return AnyOf((*found, *blank), path)

    def _among_values(self, needle: Node, whole: Items, path: str) -> Condition:
        any_of = AnyOf(tuple(self.compare("==", needle, member, path) for member in whole.members), path)
        blank = any(member.constant and self.constant(member) is None for member in whole.members)
        if blank or needle.constant:
            return any_of
        value = self.value(needle)
        return AllOf((Negation(Blank(value, path), path), any_of), path) if value else any_of


def _members(given: list[Any], whole: Node) -> Sequence[Node]:
    """The members of a constant list as they are written, where they are: a day may be counted from today."""
    return whole.members if isinstance(whole, Items) else [Literal(member, whole.path) for member in given]
