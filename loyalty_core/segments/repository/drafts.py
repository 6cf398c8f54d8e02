"""Drafts of segments before they are saved: trimmed, checked against limits, compared with the last version."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from loyalty_core.names import checked_text
from loyalty_core.segments.errors import BadSegment
from loyalty_core.segments.segment import SegmentDraft
from loyalty_core.store.versioned import MAX_NAME_LENGTH, name_key, same_content

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MAX_DESCRIPTION_LENGTH = 2_000
MAX_TAG_LENGTH = 60


def checked(draft: SegmentDraft) -> SegmentDraft:
    """The draft as it will be saved; raises `BadSegment` if it cannot be."""
    return SegmentDraft(
        _text("name", " ".join(draft.name.split()), MAX_NAME_LENGTH, may_be_blank=False),
        _as_json(draft.rule),
        _text("description", draft.description.strip(), MAX_DESCRIPTION_LENGTH),
        _tags(draft.tags),
    )


def copy_name(name: str, taken: Collection[str]) -> str:
    """“Copy of VIP”, or “Copy 2 of VIP”, whichever is not among the `taken` name keys; long names are cut short."""
    copies = itertools.chain(["Copy of"], (f"Copy {number} of" for number in itertools.count(2)))
    candidates = (f"{words} {name}"[:MAX_NAME_LENGTH].rstrip() for words in copies)
    return next(candidate for candidate in candidates if name_key(candidate) not in taken)


def differences(old: SegmentDraft, new: SegmentDraft) -> tuple[str, ...]:
    """What has changed in `new`, in sentences."""
    sentences: list[str] = []
    if new.name != old.name:
        sentences.append(f"Name changed from “{old.name}” to “{new.name}”.")
    if new.description != old.description:
        sentences.append("Description changed.")
    if new.tags != old.tags:
        sentences += _tag_differences(old.tags, new.tags)
    if not same_content(old.rule, new.rule):
        sentences.append("Rule changed.")
    return tuple(sentences)


def _tag_differences(old: tuple[str, ...], new: tuple[str, ...]) -> list[str]:
    changes = (("added", [tag for tag in new if tag not in old]), ("removed", [tag for tag in old if tag not in new]))
    return [
        f"{'Tag' if len(tags) == 1 else 'Tags'} {', '.join(f'“{tag}”' for tag in tags)} {verb}."
        for verb, tags in changes
        if tags
    ]


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, sorted, and without duplicates that differ only in case."""
    by_key: dict[str, str] = {}
    for tag in tags:
        text = _text("tag", " ".join(tag.split()), MAX_TAG_LENGTH)
        if text:
            by_key.setdefault(text.casefold(), text)
    return tuple(by_key[key] for key in sorted(by_key))


def _text(what: str, text: str, most: int, *, may_be_blank: bool = True) -> str:
    if not text and not may_be_blank:
        raise BadSegment(f"The {what} is blank.", remedy="Give the segment a name.")
    return checked_text(what, text, most, BadSegment, allowed="\n\r\t")


def _as_json(rule: Any) -> Any:
    """A copy of the rule as the database will return it."""
    try:
        return json.loads(json.dumps(rule, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSegment(
            "The rule cannot be saved as JSON.",
            f"{error}.",
            "Use objects, lists, strings, numbers, true, false, null.",
        ) from error
