"""Errors about segments, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import DataError, LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from loyalty_core.segments.segment import Use


class SegmentNotFound(LoyaltyError):
    """There is no such segment, or it has no such version."""

    code = "segment_not_found"

    def __init__(self, segment_id: str, version: int | None = None) -> None:
        what = f"There is no segment with the id {segment_id}."
        if version is not None:
            what = f"The segment {segment_id} has no version {version}."
        super().__init__(what, remedy="Choose one from the list of segments; it may have been deleted.")


class SegmentInUse(LoyaltyError):
    """The segment cannot be archived or deleted while other segments or campaigns read it."""

    code = "segment_in_use"

    def __init__(self, name: str, users: Sequence[Use]) -> None:
        segments = ", ".join(f"“{use.name}”" for use in users if use.kind == "segment")
        campaigns = ", ".join(f"“{use.name}”" for use in users if use.kind == "campaign")
        reasons = [f"is part of the rule of {segments}"] if segments else []
        reasons += [f"is used by the campaign {campaigns}"] if campaigns else []
        super().__init__(
            f"The segment “{name}” is in use.",
            f"It {' and '.join(reasons)}.",
            "Remove it from there first, or " + ("archive what uses it." if segments else "end what uses it."),
        )


class SegmentChanged(LoyaltyError):
    """Someone saved a newer version since this one was read."""

    code = "segment_changed"

    def __init__(self, name: str, version: int, by: str, at: datetime) -> None:
        super().__init__(
            f"The segment “{name}” has changed since you opened it.",
            f"{by} saved version {version} on {at:%Y-%m-%d at %H:%M} UTC.",
            "Open the newest version and make your changes there.",
        )


class SegmentNameTaken(LoyaltyError):
    """Another segment has the name."""

    code = "segment_name_taken"

    def __init__(self, name: str, *, archived: bool = False, looks_alike: bool = False) -> None:
        which = "an archived segment" if archived else "a segment"
        super().__init__(
            f"The name looks like “{name}”." if looks_alike else f"The name “{name}” is taken.",
            f"That is the name of {which}; "
            + ("people could not tell them apart." if looks_alike else "upper and lower case make no difference."),
            "Choose another name.",
        )


class SegmentCycle(LoyaltyError):
    """The segment would depend on itself."""

    code = "segment_cycle"

    def __init__(self, chain: Sequence[str]) -> None:
        super().__init__(
            f"The segment “{chain[0]}” would depend on itself.",
            f"Its rule leads back to it: {' → '.join(chain)}.",
            "Remove one of these conditions.",
        )


class SegmentNotComputed(LoyaltyError):
    """The members have not been computed with the newest rule on this data."""

    code = "segment_not_computed"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The members of “{name}” have not been computed with its newest rule.",
            "Adding and removing single customers would mix members of two rules.",
            "Compute the whole segment first.",
        )


class BadSegment(LoyaltyError):
    """The segment cannot be saved as given."""

    code = "bad_segment"


class PredictionsMissing(LoyaltyError):
    """A rule or a figure reads predictions, and nothing has been scored yet."""

    code = "predictions_missing"

    def __init__(self) -> None:
        super().__init__(
            "The customers have not been scored yet, so there are no predictions to read.",
            remedy="Score them first: `loyalty score`, or “Score now” on the Churn screen.",
        )


class PersonalDataHidden(LoyaltyError):
    """A rule, an order or an export uses columns with personal data, which the viewer may not see."""

    code = "personal_data_hidden"

    def __init__(self, names: Iterable[str]) -> None:
        quoted = [repr(name[:60]) for name in sorted(names)]
        holds, them, their = ("holds", "it", "its") if len(quoted) == 1 else ("hold", "them", "their")
        super().__init__(
            f"You may not use {' and '.join(quoted)}, which {holds} personal data.",
            f"Whoever counts or sorts customers by {them} could find out {their} values.",
            "Use other columns, or ask an admin for a role that may see personal data.",
        )


class UnknownColumn(DataError):
    """Members were requested with a column that does not exist."""

    code = "unknown_column"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no column {name[:60]!r}.", remedy="Choose one of the fields that the rule builder lists."
        )
