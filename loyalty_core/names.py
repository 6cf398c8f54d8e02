"""Names that people type: the nearest of those there are, look-alikes, lists of names, and texts that can be stored."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import idna

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.errors import LoyaltyError

# From 0 to 100; less similar names are not suggested.
_MIN_SIMILARITY = 60
# Longer texts are not names, and would take long to compare.
_MAX_COMPARED_LENGTH = 100
_JOINERS = "\u200c\u200d"
_VARIATION_SELECTORS = "\ufe0e\ufe0f"
# Digits, marks and arrows that a variation selector turns into emoji.
_DRAWN_AS_EMOJI = "#*0123456789‼⁉〰↔▶◀"
# Characters without a shape that Unicode counts among letters, marks and symbols: the rest of Default_Ignorable, and an
# empty Braille cell.
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for start, end in ((0x180B, 0x1810), (0xFE00, 0xFE10), (0xE0100, 0xE01F0)) for code in range(start, end)
}


def nearest_names(name: str, names: Iterable[str], limit: int = 1, min_similarity: int = _MIN_SIMILARITY) -> list[str]:
    """Up to `limit` of `names` most similar to `name`, nearest first; case is ignored.

    `min_similarity` is from 0 to 100; raise it for large sets, in which some names always look similar.
    """
    # Every process imports this module, and few look for a name that is alike: a tenth of a second.
    from rapidfuzz import process  # noqa: PLC0415

    found = process.extract(
        name[:_MAX_COMPARED_LENGTH], list(names), processor=str.lower, score_cutoff=min_similarity, limit=limit
    )
    return [match[0] for match in found]


def between_commas(text: str) -> list[str]:
    """The parts of a text between its commas, without the blanks around them and without empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]


def checked_text(what: str, text: str, most: int, error: type[LoyaltyError], *, allowed: str = "") -> str:
    """The text; raises `error` where it is longer than `most`, or has control characters other than those `allowed`."""
    if len(text) > most:
        raise error(f"The {what} is too long.", f"It has {len(text):,} characters.", f"Use at most {most:,}.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed for character in text):
        raise error(f"The {what} has characters that cannot be stored.", remedy="Remove the control characters.")
    invisible = next((text[at] for at in range(len(text)) if _is_invisible(text, at)), None)
    if invisible is not None:
        name = unicodedata.name(invisible, "unnamed").lower()
        raise error(
            f"The {what} has a character that cannot be seen.",
            f"It is U+{ord(invisible):04X} ({name}).",
            "Remove it: type the text again rather than paste it.",
        )
    return text


def look_alike(name: str, names: Iterable[str]) -> str | None:
    """The first of `names` that people could take for `name`, such as VlP for VIP; equal ones count."""
    wanted = shape(name)
    return next((other for other in names if shape(other) == wanted), None)


def shape(name: str) -> str:
    """What names that look the same have in common: the skeleton of Unicode Technical Standard 39."""
    prototypes = _prototypes()
    visible = "".join(character for character in name if character not in _JOINERS + _VARIATION_SELECTORS)
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", visible))
    return unicodedata.normalize("NFD", "".join(prototypes.get(character, character) for character in decomposed))


def _is_invisible(text: str, at: int) -> bool:
    """Whether the character has no shape or changes the direction of others, and the script does not call for it."""
    character, before = text[at], text[at - 1 : at]
    if character in _JOINERS:
        return not (_joins_letters(text, at) or (_is_emoji(before) and _is_emoji(text[at + 1 : at + 2])))
    if character in _VARIATION_SELECTORS:
        return not (_is_emoji(before) or (before != "" and before in _DRAWN_AS_EMOJI))
    return character in _SHAPELESS or unicodedata.category(character) in {"Cf", "Zl", "Zp"}


def _joins_letters(text: str, at: int) -> bool:
    """Whether the joiner shapes letters, as in Persian and in the scripts of India (RFC 5892, appendix A)."""
    try:
        return idna.valid_contextj(text, at)
    except ValueError:
        return False


def _is_emoji(character: str) -> bool:
    return character != "" and (unicodedata.category(character) in {"So", "Sk"} or character in _VARIATION_SELECTORS)


@cache
def _prototypes() -> dict[str, str]:
    """Character → the one that stands for all that look like it, which may be several: m → rn."""
    from confusable_homoglyphs.confusables import confusables_data  # noqa: PLC0415

    # The data has each pair in both directions, with direction marks around scripts that run from right to left.
    alike = {
        one.strip("\u200e"): [other["c"].strip("\u200e") for other in others]
        for one, others in confusables_data.items()
    }
    prototypes: dict[str, str] = {}
    for character, others in alike.items():
        if len(character) == 1 and len(others) == 1:
            (other,) = others
            leads = len(other) > 1 or len(alike[other]) > 1
            prototypes[character] = other if leads else min(character, other)
    return prototypes
