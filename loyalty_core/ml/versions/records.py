"""Model versions side by side: what their manifests say of each, and which of two is better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.ml.bundles import BundleError, list_versions, read_active, read_manifest, version_folder
from loyalty_core.ml.evaluation import leaks_of, objections_to
from loyalty_core.ml.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from loyalty_core.ml.evaluation import Difference
    from loyalty_core.ml.tasks import Metric
    from loyalty_core.ml.versions.comparison import VersionComparison

Judgement = Literal["better", "worse", "no clear difference"]


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
        """The entries of its models, by name."""
        return self.manifest["models"] if self.manifest else {}

    @property
    def created_at(self) -> datetime | None:
        return datetime.fromisoformat(self.manifest["created_at"]) if self.manifest else None

    @property
    def trained_by(self) -> str:
        return self.manifest.get("trained_by", "") if self.manifest else ""

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why models are not part of it although they were asked for, by name."""
        return self.manifest.get("left_out", {}) if self.manifest else {}

    @property
    def objections(self) -> dict[str, list[str]]:
        """Why it would not be activated automatically, in sentences by model."""
        every = {name: objections_to(entry) for name, entry in self.models.items()}
        return {name: objections for name, objections in every.items() if objections}

    def leaks(self, active: VersionRecord | None = None) -> dict[str, str]:
        """Feature → why it seems to give away the label; an activation has to confirm each by its name.

        Those of models that the `active` version has as well were confirmed when it was activated.
        """
        known = {entry["sha256"] for entry in active.models.values()} if active else set()
        found = [leaks_of(entry) for entry in self.models.values() if entry["sha256"] not in known]
        return {feature: sentence for leaks in found for feature, sentence in leaks.items()}

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


class UnconfirmedLeak(BundleError):
    """A feature of the version seems to give away the label, and nobody has confirmed that it is known beforehand."""

    code = "unconfirmed_leak"


def require_confirmed_leaks(models_dir: Path, version: str, accepted: Collection[str]) -> list[str]:
    """The leaks of a version that were confirmed by name; raises `UnconfirmedLeak` for one that was not."""
    records = read_versions(models_dir)
    record = next((record for record in records if record.version == version), None)
    leaks = record.leaks(next((one for one in records if one.is_active), None)) if record else {}
    for feature, sentence in leaks.items():
        if feature not in accepted:
            raise UnconfirmedLeak(
                sentence,
                "A model that was given the answer cannot predict it for customers whose answer is not known yet.",
                f"Train without it, or confirm its name if it is known before the label: {feature}",
            )
    return list(leaks)


def judge(
    metric: Metric, one: Mapping[str, Any], other: Mapping[str, Any], difference: Difference | None = None
) -> Judgement:
    """Whether the first of two models is better by this metric, beyond chance.

    By their `difference` on the same rows, else by the 95 % intervals that each was given at its own training: where
    these overlap, or are not known, nothing is clear.
    """
    own, best = one.get(metric.key), other.get(metric.key)
    if own is None or best is None:
        return "no clear difference"
    if difference is None:
        ends = [metrics.get("intervals", {}).get(metric.key) for metrics in (one, other)]
        is_clear = None not in ends and (ends[0][0] > ends[1][1] or ends[0][1] < ends[1][0])
    else:
        is_clear = difference.is_beyond_chance
    if not is_clear:
        return "no clear difference"
    # A small difference may be clear, and disappear when both are rounded.
    change = own - best if difference is None else difference.value
    return "better" if (change > 0) == metric.higher_is_better else "worse"


def losses_to(
    challenger: VersionRecord, champion: VersionRecord, found: VersionComparison | None = None
) -> dict[str, Metric]:
    """Models of which the challenger is worse on the main metric, or which it lacks, with that metric.

    By what was `found` on the same rows, else by what each was given at its own training.
    """
    lost: dict[str, Metric] = {}
    for model, task in TASKS.items():
        main = task.metrics[0]
        same_rows = found.same_rows.get(model) if found else None
        own = (same_rows.version if same_rows else challenger.metrics(model)).get(main.key)
        best = (same_rows.against if same_rows else champion.metrics(model)).get(main.key)
        if best is not None and (own is None or main.is_worse(own, best)):
            lost[model] = main
    return lost
