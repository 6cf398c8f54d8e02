"""Model versions side by side: what their manifests say of each, and which of two is better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from loyalty_core.ml.bundles import BundleError, list_versions, read_active, read_manifest, version_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loyalty_core.ml.versions.comparison import VersionComparison
    from loyalty_core.warehouse.history import ModelName

# More of them are chance, even on thousands of test rows.
DIGITS = 3
TITLES = {"churn": "Churn", "nbo": "Next best offer"}


@dataclass(frozen=True)
class Metric:
    """A measure on test rows; `meaning` explains it to people, `is_share` shows it as a percentage."""

    key: str
    title: str
    meaning: str
    higher_is_better: bool = True
    is_share: bool = False

    def is_worse(self, one: float, other: float) -> bool:
        """Whether `one` is worse than `other`, in the digits that people are shown."""
        ahead = round(one, DIGITS) - round(other, DIGITS)
        return ahead < 0 if self.higher_is_better else ahead > 0


_LOG_LOSS = Metric(
    "log_loss", "Log loss", "How surprised the model is by what happened; 0 is best", higher_is_better=False
)
# The first of each is the one that a challenger must not lose.
METRICS: dict[ModelName, tuple[Metric, ...]] = {
    "churn": (
        Metric("auc", "AUC", "How often a customer who left had a higher probability than one who stayed; 0.5 is luck"),
        Metric(
            "captured_top_20", "Captured in the top 20 %", "Of all who left, how many are among the riskiest fifth",
            is_share=True,
        ),
        Metric("pr_auc", "Precision (PR AUC)", "How many of those named do leave, over all thresholds"),
        _LOG_LOSS,
        Metric("brier", "Brier score", "Mean squared error of the probability", higher_is_better=False),
        Metric(
            "calibration_error", "Off by", "How far a probability is from what happened, on average",
            higher_is_better=False, is_share=True,
        ),
    ),
    "nbo": (
        Metric("top_1", "First choice right (top 1)", "The offer taken was the one named first", is_share=True),
        Metric("top_3", "Among the first three (top 3)", "The offer taken was one of the first three", is_share=True),
        Metric("mean_reciprocal_rank", "Mean reciprocal rank", "1 where the offer taken is first, ½ where second, …"),
        _LOG_LOSS,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class VersionRecord:
    """A version on disk; `manifest` is None where it cannot be read, and `refusal` then says why.

    `activated_at` and `activated_by` are those of the active version, else None and empty.
    """

    version: str
    manifest: Mapping[str, Any] | None
    refusal: BundleError | None = None
    is_active: bool = False
    activated_at: datetime | None = None
    activated_by: str = ""

    @property
    def models(self) -> Mapping[str, Mapping[str, Any]]:
        """The entries of its models, "churn", "nbo" or both."""
        return self.manifest["models"] if self.manifest else {}

    @property
    def created_at(self) -> datetime | None:
        return datetime.fromisoformat(self.manifest["created_at"]) if self.manifest else None

    @property
    def trained_by(self) -> str:
        return self.manifest.get("trained_by", "") if self.manifest else ""

    def metrics(self, model: str) -> Mapping[str, Any]:
        """What was measured of a model, empty without it."""
        return self.models.get(model, {}).get("metrics", {})


def read_versions(models_dir: Path) -> list[VersionRecord]:
    """Every version, newest first. Only manifests are read: nothing is opened or proven."""
    try:
        active = read_active(models_dir)
    except BundleError:
        active = None
    records: list[VersionRecord] = []
    for version in list_versions(models_dir):
        try:
            manifest, refusal = read_manifest(version_folder(models_dir, version))[0], None
        except BundleError as error:
            manifest, refusal = None, error
        if active is not None and version == active.version:
            since = datetime.fromisoformat(active.activated_at)
            records.append(VersionRecord(version, manifest, refusal, True, since, active.activated_by))
        else:
            records.append(VersionRecord(version, manifest, refusal))
    return records


def losses_to(
    challenger: VersionRecord, champion: VersionRecord, found: VersionComparison | None = None
) -> dict[str, Metric]:
    """Models of which the challenger is worse on the main metric, or which it lacks, with that metric.

    By what was `found` on the same rows, else by what each was given at its own training.
    """
    lost: dict[str, Metric] = {}
    for model, (main, *_) in METRICS.items():
        same_rows = found.same_rows.get(model) if found else None
        own = (same_rows.version if same_rows else challenger.metrics(model)).get(main.key)
        best = (same_rows.against if same_rows else champion.metrics(model)).get(main.key)
        if best is not None and (own is None or main.is_worse(own, best)):
            lost[model] = main
    return lost
