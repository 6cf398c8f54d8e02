"""What can be chosen about a training, from `train_models_from_dwh.py`, `loyalty.toml` or the command line."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date  # noqa: TC003 (pydantic reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from loyalty_core.errors import SettingsError
from loyalty_core.ml.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.settings import Settings

_MOST_UNITS = 4096

Units = Annotated[int, Field(ge=1, le=_MOST_UNITS)]


class NetworkSize(NamedTuple):
    """What depends on the number of training rows; see `TrainingOptions` for the meaning."""

    architecture: tuple[int, ...]
    members: int
    l2: float
    batch_size: int
    learning_rate: float
    patience: int | None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainingOptions:
    """One model's training; None means chosen by the number of training rows, as `size_for` says.

    architecture: units of each hidden layer; () leaves the linear part alone.
    activation, optimizer, loss: any name that Keras knows; loss None is cross-entropy.
    members: networks trained side by side, whose logits are averaged.
    pieces: straight pieces of each input's response curve.
    l2: penalty on squared weights, beside a loss that is a mean over rows.
    patience: epochs without a better validation loss before training stops at the best.
    class_weights: "auto" balances the classes when the rarest has less than one row in twenty.
    since: rows of that day or later are used; most_rows: of more rows, the newest.
    """

    architecture: tuple[Units, ...] | None = None
    activation: str = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    members: Annotated[int, Field(ge=1, le=32)] | None = None
    pieces: Annotated[int, Field(ge=1, le=64)] = 8
    l2: Annotated[float, Field(ge=0)] | None = None
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 100
    patience: Annotated[int, Field(ge=2)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    optimizer: str = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    loss: str | None = None
    class_weights: Literal["auto", "balanced", "none"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    since: date | None = None
    most_rows: Annotated[int, Field(ge=200)] = 1_000_000

    def replaced(self, values: Mapping[str, Any], origin: str) -> TrainingOptions:
        """These options with some values replaced; raises `SettingsError` naming `origin` and the option."""
        try:
            return _OPTIONS.validate_python(asdict(self) | dict(values))
        except ValidationError as error:
            fault = error.errors()[0]
            name = str(fault["loc"][0])
            if fault["type"] == "unexpected_keyword_argument":
                known = ", ".join(asdict(self))
                raise SettingsError(
                    f"{origin} has an option {name!r} that does not exist.", f"Known: {known}."
                ) from None
            what = f"{origin} has the value {fault['input']!r} for {name}."
            raise SettingsError(what, f"{fault['msg']}.") from None

    def size_for(self, rows: int) -> NetworkSize:
        """Every open choice made for so many training rows.

        The penalty is a Gaussian prior of standard deviation 0.2 on every weight: 1/(2·0.2²) spread over the
        rows, so that it rules with hundreds of rows and vanishes with millions. Below 2,000 rows there are no
        hidden units to learn, and validation is too small to say when to stop: the prior alone keeps the network
        from learning noise. Below 20,000, the average of two members varies less than each of them.
        """
        small, medium = rows < 2_000, rows < 20_000
        by_rows = () if small else (32, 16) if medium else (64, 32)
        architecture = by_rows if self.architecture is None else self.architecture
        members = self.members or (2 if medium else 1)
        return NetworkSize(
            architecture=architecture,
            members=members if architecture else 1,
            l2=12.5 / rows if self.l2 is None else self.l2,
            batch_size=self.batch_size or min(max(1 << (rows // 40).bit_length() >> 1, 32), 4096),
            learning_rate=self.learning_rate or (0.01 if small else 0.003),
            patience=self.patience or (None if small else 10),
        )

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return _OPTIONS.dump_python(self, mode="json")


_OPTIONS = TypeAdapter(TrainingOptions)


def options_for(
    model: str, base: TrainingOptions, settings: Settings, command_line: Mapping[str, Any]
) -> TrainingOptions:
    """Options of one model: `base`, then ML_TRAINING for all models, then for this one, then the command line."""
    common = {name: value for name, value in settings.ml_training.items() if name not in TASKS}
    own = settings.ml_training.get(model, {})
    if not isinstance(own, dict):
        raise SettingsError(f"ML_TRAINING has the value {own!r} for {model}.", "It must be a table of options.")
    options = base.replaced(common, "ML_TRAINING").replaced(own, f"ML_TRAINING.{model}")
    return options.replaced(command_line, "The command line")
