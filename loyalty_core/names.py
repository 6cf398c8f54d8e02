"""Names that people type: the nearest of those there are, and texts that can be stored."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from rapidfuzz import process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.errors import LoyaltyError

# From 0 to 100; below it, two names have too little in common for a suggestion.
_LEAST_LIKENESS = 60
# Longer ones are no names, and comparing them takes long.
_MOST_COMPARED = 100


def nearest_names(name: str, names: Iterable[str], most: int = 1, likeness: int = _LEAST_LIKENESS) -> list[str]:
    """Up to `most` of `names` that are most like `name`, the nearest first; upper and lower case make no difference.

    `likeness`, from 0 to 100, is the least that counts: more where there are so many names that some are always alike.
    """
    found = process.extract(name[:_MOST_COMPARED], list(names), processor=str.lower, score_cutoff=likeness, limit=most)
    return [match[0] for match in found]


def checked_text(what: str, text: str, most: int, error: type[LoyaltyError], *, allowed: str = "") -> str:
    """The text; raises `error` where it is longer than `most`, or has control characters other than those `allowed`."""
    if len(text) > most:
        raise error(f"The {what} is too long.", f"It has {len(text):,} characters.", f"Use at most {most:,}.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed for character in text):
        raise error(f"The {what} has characters that cannot be stored.", remedy="Remove the control characters.")
    return text
