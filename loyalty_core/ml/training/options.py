"""Training options, set in `train_models_from_dwh.py`, `loyalty.toml` or on the command line."""

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

    from loyalty_core.ml.training.architecture import FloatRows
    from loyalty_core.settings import Settings

_MAX_UNITS = 4096
# With more inputs, each has a smaller prior variance.
MANY_INPUTS = 60
# Eight pieces for each of up to 150 inputs; beyond that, training time would grow without a gain.
_MOST_PIECES = 1_200

Units = Annotated[int, Field(ge=1, le=_MAX_UNITS)]


class NetworkSize(NamedTuple):
    """The options that depend on the numbers of training rows and inputs; see `TrainingOptions` for their meaning."""

    architecture: tuple[int, ...]
    members: int
    l2: float
    batch_size: int
    learning_rate: float
    patience: int | None
    pieces: int


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainingOptions:
    """The options for training one model; None lets `size_for` choose by the numbers of training rows and inputs.

    architecture: units of each hidden layer; () uses the linear part only.
    activation, optimizer, loss: any name that Keras knows; loss None is cross-entropy.
    members: networks trained in parallel, whose logits are averaged.
    pieces: linear pieces of each input's response curve; with many inputs None takes fewer than 8.
    l2: penalty on squared weights, added to the mean loss over rows.
    patience: epochs without a better validation loss before training stops and uses the best epoch.
    class_weights: "auto" balances the classes when the rarest has less than 5 % of the rows.
    teacher: "auto" learns from a mixture with boosted trees where it is better on the validation rows, in up to 35
        further epochs; "none" never does.
    channel: uplift learns from contacts by this channel alone; None from those by all channels together.
    since, until: use rows from this day on, and up to this day. most_rows: use at most this many rows, the newest.
    """

    architecture: tuple[Units, ...] | None = None
    activation: str = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    members: Annotated[int, Field(ge=1, le=32)] | None = None
    pieces: Annotated[int, Field(ge=1, le=64)] | None = None
    l2: Annotated[float, Field(ge=0)] | None = None
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 100
    patience: Annotated[int, Field(ge=2)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    optimizer: str = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    loss: str | None = None
    class_weights: Literal["auto", "balanced", "none"] = "auto"
    teacher: Literal["auto", "none"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    channel: str | None = None
    since: date | None = None
    until: date | None = None
    most_rows: Annotated[int, Field(ge=200)] = 1_000_000

    def replaced(self, values: Mapping[str, Any], origin: str) -> TrainingOptions:
        """A copy with some values replaced; raises `SettingsError` that names `origin` and the option."""
        try:
            return _OPTIONS.validate_python(asdict(self) | dict(values))
        except ValidationError as error:
            details = error.errors()[0]
            name = str(details["loc"][0])
            if details["type"] == "unexpected_keyword_argument":
                known = ", ".join(asdict(self))
                raise SettingsError(
                    f"{origin} has an option {name!r} that does not exist.", f"Known options: {known}."
                ) from None
            what = f"{origin} has the value {details['input']!r} for {name}."
            raise SettingsError(what, f"{details['msg']}.") from None

    def size_for_inputs(self, inputs: FloatRows) -> NetworkSize:
        """The same for training rows; a constant input does not count, since the network cannot use it."""
        return self.size_for(len(inputs), max(int((inputs != inputs[:1]).any(axis=0).sum()), 1))

    def size_for(self, rows: int, inputs: int) -> NetworkSize:
        """Choose the open options for these numbers of training rows and inputs.

        The L2 penalty is a Gaussian prior with standard deviation 0.2 on every weight, 1/(2·0.2²) divided by the number
        of rows: strong with hundreds of rows, negligible with millions. With more than 60 inputs the variance of 60 is
        shared by all, so that hundreds of columns do not drown the few that matter. Below 2,000 rows there are no
        hidden units, and too few validation rows for early stopping, so only the prior prevents overfitting. Below
        20,000 rows, averaging two members reduces variance.
        """
        small, medium = rows < 2_000, rows < 20_000
        by_rows = () if small else (32, 16) if medium else (64, 32)
        architecture = by_rows if self.architecture is None else self.architecture
        members = self.members or (2 if medium else 1)
        return NetworkSize(
            architecture=architecture,
            members=members if architecture else 1,
            l2=12.5 / rows * max(1, inputs / MANY_INPUTS) if self.l2 is None else self.l2,
            batch_size=self.batch_size or min(max(1 << (rows // 40).bit_length() >> 1, 32), 4096),
            learning_rate=self.learning_rate or (0.01 if small else 0.003),
            patience=self.patience or (None if small else 10),
            pieces=self.pieces or min(max(_MOST_PIECES // inputs, 2), 8),
        )

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return _OPTIONS.dump_python(self, mode="json")


_OPTIONS = TypeAdapter(TrainingOptions)


def options_for(
    model: str, base: TrainingOptions, settings: Settings, command_line: Mapping[str, Any]
) -> TrainingOptions:
    """The options of one model: `base`, overridden by ML_TRAINING, ML_TRAINING for this model, and the command line."""
    common = {name: value for name, value in settings.ml_training.items() if name not in TASKS}
    specific = settings.ml_training.get(model, {})
    if not isinstance(specific, dict):
        raise SettingsError(f"ML_TRAINING has the value {specific!r} for {model}.", "It must be a table of options.")
    options = base.replaced(common, "ML_TRAINING").replaced(specific, f"ML_TRAINING.{model}")
    return options.replaced(command_line, "The command line")
