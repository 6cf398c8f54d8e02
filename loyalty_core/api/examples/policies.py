"""Examples of offer policies."""

from loyalty_core.api.examples.example import NOW, Example

_ID = {"policy_id": "spring"}
_TERMS = {"lever": 1.5, "value": 12.0, "cap": 500, "rule": {"==": [{"var": "country"}, "Norway"]}}
_NEUTRAL = {"lever": 1.0, "value": 8.0, "cap": None, "rule": {}}
_OFFERS = {"1": _TERMS, "3": _NEUTRAL}
_SAVED = {
    "id": "spring",
    "name": "Spring",
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
    "updated_by": "ann@example.com",
    "offers": _OFFERS,
}
_FIRST_VERSION = {"number": 1, "at": NOW, "actor": "ann@example.com", "name": "Spring", "offers": _OFFERS}
_ARBITRATED = {
    "customers": 2_000,
    "before": {
        "1": {"customers": 900, "expected_value": 4_120.5},
        "3": {"customers": 1_100, "expected_value": 2_410.0},
    },
    "after": {"1": {"customers": 500, "expected_value": 2_904.0}, "3": {"customers": 1_480, "expected_value": 3_120.0}},
    "without": {"not eligible": 15, "at caps": 0, "not scored": 5},
    "cutoffs": {"1": {"priority": 2.25}},
    "value_before": 6_530.5,
    "value_after": 6_024.0,
    "gain": -0.0776,
}

EXAMPLES = {
    "evaluate_policy": Example(_ARBITRATED, {"offers": _OFFERS, "segment_id": "vip"}),
    "create_policy": Example(_SAVED, {"name": "Spring", "offers": _OFFERS}),
    "list_policies": Example({"policies": [_SAVED]}),
    "read_policy": Example(_SAVED, parameters=_ID),
    "update_policy": Example(
        {**_SAVED, "version": 2, "offers": {"1": _TERMS}}, {"offers": {"1": _TERMS}, "version": 1}, _ID
    ),
    "change_policy": Example(
        {**_SAVED, "version": 3, "offers": {"1": {**_TERMS, "cap": None}}}, {"offers": {"1": {"cap": None}}}, _ID
    ),
    "read_policy_versions": Example({"versions": [_FIRST_VERSION]}, parameters=_ID),
    "delete_policy": Example(parameters=_ID),
}
