"""Whether a trained model may be activated automatically, from what was measured of it and found in its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.ml.evaluation.grades import read_grade

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def leaks_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Feature → why it seems to give away the label; `entry` is a model's in the manifest."""
    return {one["feature"]: one["sentence"] for one in entry.get("findings", ()) if one["severity"] == "confirm"}


def objections_to(entry: Mapping[str, Any], accepted: Collection[str] = ()) -> list[str]:
    """Why a model is not activated automatically, in sentences; a person may still activate it.

    `accepted` are leaks that were confirmed: a model that adds nothing to one of these is what was asked for. Why
    the model may be reading the answer is among the findings.
    """
    metrics = entry.get("metrics", {})
    objections = [one["sentence"] for one in entry.get("findings", ()) if one["severity"] == "hold"]
    if baseline := metrics.get("worse_than"):
        objections.append(f"It is worse than the simple baseline ({baseline}).")
    elif (
        read_grade(metrics) == "D"
        and not metrics.get("doubt")
        and metrics.get("simple_rule", {}).get("feature") not in accepted
    ):
        objections.append(_why_nothing(metrics.get("limited_by", "")))
    return objections


def _why_nothing(limited_by: str) -> str:
    if limited_by:
        return f"What it adds over the best simple rule is not known: {limited_by}."
    return "It adds nothing over the best simple rule."
