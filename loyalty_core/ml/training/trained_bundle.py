"""What a training gives: the parts of a bundle, and which of its models may be activated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.evaluation import leaks_of, objections_to
from loyalty_core.ml.tasks import task_named

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loyalty_core.ml.bundles import BundleParts, ModelPart
    from loyalty_core.ml.tasks import Finding


@dataclass(frozen=True)
class TrainedBundle:
    """`carried` names the models carried over from the active bundle; `findings` are by model.

    `left_out` has the reason for each model that was skipped because there is no history for it, or too little.
    """

    parts: BundleParts
    findings: Mapping[str, tuple[Finding, ...]]
    carried: tuple[str, ...] = ()
    left_out: Mapping[str, LoyaltyError] = field(default_factory=dict)

    @property
    def leaks_by_model(self) -> dict[str, dict[str, str]]:
        """Newly trained model → feature → why it seems to give away the label; each has to be confirmed."""
        return {name: leaks_of(_entry(self.parts.models[name])) for name in self.findings}

    @property
    def leaks(self) -> dict[str, str]:
        """Those of all newly trained models."""
        return {feature: said for leaks in self.leaks_by_model.values() for feature, said in leaks.items()}

    def objections(self, accepted: Collection[str] = ()) -> dict[str, list[str]]:
        """Why newly trained models are not activated automatically, in sentences by model; see `objections_to`."""
        every = {name: objections_to(_entry(self.parts.models[name]), accepted) for name in self.findings}
        return {name: objections for name, objections in every.items() if objections}

    def usable(self, accepted: Collection[str] = (), *, even_if_doubtful: bool = False) -> BundleParts | None:
        """The parts without newly trained models that are not activated automatically; None if no model is left.

        Those are models with a leak that is not `accepted`, and unless `even_if_doubtful` those with other objections.
        """
        leaking = {name for name, leaks in self.leaks_by_model.items() if leaks.keys() - set(accepted)}
        refused = leaking | (set() if even_if_doubtful else self.objections(accepted).keys())
        models = {name: part for name, part in self.parts.models.items() if name not in refused}
        return replace(self.parts, models=models) if models else None


class NothingFound(LoyaltyError):
    """An optional model found nothing, so that it is not part of a version with other models."""

    code = "nothing_found"


def remove_useless(models: dict[str, ModelPart]) -> dict[str, LoyaltyError]:
    """Remove optional models that would not be activated automatically from those trained together, and say why."""
    useless = [name for name, part in models.items() if task_named(name).is_optional and objections_to(_entry(part))]
    if len(models) == len(useless):
        return {}
    return {
        name: NothingFound(
            models.pop(name).metrics["sentence"],
            remedy=f"Collect more history. To look at it, train it alone: --model {name}.",
        )
        for name in useless
    }


def _entry(part: ModelPart) -> dict[str, Any]:
    """What decides about an activation, as in the manifest."""
    return {"metrics": part.metrics, "findings": part.findings}
