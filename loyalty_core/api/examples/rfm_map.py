"""Examples of the RFM map."""

from loyalty_core.api.examples.example import NOW, Example

_POINTS = {"recency": [10, 30, 60, 120]}
_TEXTS = {"Rising": {"meaning": "Buy more from month to month.", "advice": "Offer membership."}}
# An answer has all 125 cells.
_MAP = {
    "version": 1,
    "is_default": False,
    "saved_at": NOW,
    "saved_by": "ann@example.com",
    "cells": {"544": "Loyal", "545": "Rising", "555": "Champions"},
    "cut_points": _POINTS,
    "texts": _TEXTS,
}
_CHANGES = {"cells": {"545": "Rising"}, "cut_points": _POINTS, "texts": _TEXTS}

EXAMPLES = {
    "preview_rfm_map": Example(
        {
            "customers": 2_000,
            "other_score": 420,
            "other_segment": 133,
            "sizes": [{"name": "Champions", "before": 255, "after": 201}, {"name": "Rising", "before": 0, "after": 54}],
        },
        _CHANGES,
    ),
    "update_rfm_map": Example(_MAP, {**_CHANGES, "version": 0}),
    "read_rfm_map": Example(_MAP),
    "change_rfm_map": Example({**_MAP, "version": 2, "cut_points": {}}, {"cut_points": {"recency": None}}),
    "read_rfm_map_versions": Example({"versions": [_MAP]}),
    "reset_rfm_map": Example(),
}
