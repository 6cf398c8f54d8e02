"""What to train and how: the models, and options in an expander whose defaults depend on the number of rows."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from loyalty_core.errors import SettingsError
from loyalty_core.ml.tasks import TASKS
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.fields import Numbers, draw_optional_number
from loyalty_core.ui.first_training import needs_first_training, refused
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.text import escape
from loyalty_core.work.training import chosen_options

_ALL = "All models"
_EARLIEST = date(1900, 1, 1)
_EPOCHS, _SEEDS = Numbers(1, 10_000, whole=True), Numbers(0, 2**31 - 1, whole=True)


@dataclass(frozen=True)
class Choice:
    """`options` are a training job's; `is_valid` is false where they cannot work, and the screen has said why."""

    models: tuple[str, ...]
    since: date | None
    until: date | None
    options: dict[str, Any]
    is_valid: bool


def draw_models() -> tuple[str, ...]:
    """Which models to train."""
    choices = {_ALL: tuple(TASKS)} | {task.title: (name,) for name, task in TASKS.items()}
    picked = st.segmented_control(
        "Models", list(choices), default=_ALL, format_func=escape, key="models", required=True
    )
    return choices[picked or _ALL]


def draw_options(models: tuple[str, ...]) -> Choice:
    """Fields that are left empty are chosen by the settings, or else by the number of rows."""
    own: TrainingOptions = chosen_options(get_services().settings, {"models": models})[models[0]]
    with st.expander("Options", icon=":material/tune:"):
        first, last, second, third, fourth = st.columns(5)
        since = _draw_day(first, "Rows from", own.since, "since", "Only rows of this day or later train.")
        help_until = "Only rows up to this day train; leaves out newest labels that are not final."
        until = _draw_day(last, "Rows until", own.until, "until", help_until)
        with second:
            epochs = draw_optional_number(
                "Maximum epochs", key="epochs", numbers=_EPOCHS, placeholder=str(own.epochs),
                help="Training stops early when the validation loss no longer improves.",
            )  # fmt: skip
        layers = third.text_input(
            "Hidden layers", placeholder=_layers(own), key="layers",
            help="Units of each hidden layer, such as 64, 32. Empty: chosen by the number of rows.",
        )  # fmt: skip
        with fourth:
            seed = draw_optional_number(
                "Seed", key="seed", numbers=_SEEDS, placeholder=str(own.seed),
                help="The same rows, options and seed give the same models.",
            )  # fmt: skip
        st.caption("Empty fields follow ML_TRAINING in the settings, or else the number of rows.")
        days = {"since": since.isoformat() if since else None, "until": until.isoformat() if until else None}
        given = days | {"epochs": epochs.number, "seed": seed.number}
        options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        is_valid = False
        with errors_shown():
            if layers.strip():
                options["architecture"] = _read_layers(layers)
            chosen_options(get_services().settings, {"models": models, **options})
            is_valid = epochs.is_valid and seed.is_valid
    return Choice(models, since, until, {"models": list(models), **options}, is_valid)


def draw_use() -> bool:
    """Whether to activate and score afterwards; at first, while no model answers for this data."""
    reason = refused()
    chosen = st.checkbox(
        "Activate models that pass every check, and score all customers",
        value=needs_first_training() and not reason,
        key="use",
        disabled=bool(reason),
        help=reason or "Models that a person must decide about stay inactive, and are shown below.",
    )
    return chosen and not reason


def _draw_day(place: DeltaGenerator, label: str, value: date | None, key: str, meaning: str) -> date | None:
    day = place.date_input(
        label,
        value=value,
        min_value=_EARLIEST,
        key=key,
        format=formatting.DAY_FIELD,
        help=f"{meaning} Empty: all rows.",
    )
    return day if isinstance(day, date) else None


def _layers(own: TrainingOptions) -> str:
    return ", ".join(map(str, own.architecture)) if own.architecture else "by rows"


def _read_layers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise SettingsError(
            f"Hidden layers cannot be {text!r}.", remedy="Write whole numbers with commas, such as 64, 32."
        ) from None
