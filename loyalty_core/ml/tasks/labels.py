"""Reading the labels of a history as classes, and findings about a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.history import ARM_SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_OFFERS = 200
# Of customers who were followed for three months, for two and for one.
MONTH_CLASSES = 4 + 3 + 2

_BOOLEAN_WORDS = {"1": 1, "true": 1, "yes": 1, "y": 1, "t": 1, "0": 0, "false": 0, "no": 0, "n": 0, "f": 0}


@dataclass(frozen=True)
class Finding:
    """What was found in a history, or of the model that learned from it.

    A "stop" prevents training. With "confirm" a version is activated only if somebody confirms it by the name of the
    `feature`, with "hold" only by hand. A "warning" says that the model may be worse for it.
    """

    severity: Literal["stop", "confirm", "hold", "warning"]
    sentence: str
    remedy: str
    feature: str = ""


class TrainingRefused(LoyaltyError):
    """The history cannot train a model; `findings` lists everything that is wrong with it."""

    code = "training_refused"

    def __init__(self, source: str, findings: tuple[Finding, ...]) -> None:
        first = next(finding for finding in findings if finding.severity == "stop")
        super().__init__(f"{source}: {first.sentence}", remedy=first.remedy)
        self.findings = findings


class HistoryTooSmall(TrainingRefused):
    """The history has no rows, or too few to train a model."""

    code = "history_too_small"


@dataclass(frozen=True)
class Labels:
    """`classes` holds 0, 1, … per row; `offers` the offer id of each class, empty for labels that are not offers.

    `of_kind` is the number of classes of labels that are not offers.
    """

    classes: npt.NDArray[np.intp]
    offers: tuple[int, ...] = ()
    of_kind: int = 2

    @property
    def count(self) -> int:
        """The number of classes."""
        return len(self.offers) or self.of_kind

    @property
    def names(self) -> Sequence[int]:
        """What each class is called in records: the offer id, else its number."""
        return self.offers or range(self.of_kind)


def read_yes_no(values: pa.Array, source: str, meaning: tuple[str, str], remedy: str) -> Labels:
    """Read 0 and 1, or words such as yes and no; `meaning` says what each stands for. Raises `TrainingRefused`."""
    texts = values if pa.types.is_floating(values.type) else values.cast(pa.string())
    distinct = {value: _as_class(value) for value in texts.unique().to_pylist()}
    if wrong := [value for value, number in distinct.items() if number is None]:
        zero, one = meaning
        sentence = f"The label must be 0 ({zero}) or 1 ({one}), but some rows have {_some(wrong)}."
        raise TrainingRefused(source, (Finding("stop", sentence, remedy),))
    encoded = texts.dictionary_encode()
    of_code = np.array([distinct[value] for value in encoded.dictionary.to_pylist()], dtype=np.intp)
    return Labels(of_code[encoded.indices.to_numpy(zero_copy_only=False)])


def read_arms(values: pa.Array, source: str, remedy: str) -> Labels:
    """Read texts such as "1/0" as classes: 2 × contacted + converted. Raises `TrainingRefused`."""
    encoded = values.cast(pa.string()).dictionary_encode()
    of_code: list[int] = []
    wrong: dict[str, list[str]] = {"treatment": [], "outcome": []}
    for text in encoded.dictionary.to_pylist():
        arm, _, outcome = text.partition(ARM_SEPARATOR)
        contacted, converted = _as_class(arm), _as_class(outcome)
        if contacted is None:
            wrong["treatment"].append(arm)
        if converted is None:
            wrong["outcome"].append(outcome)
        of_code.append(2 * (contacted or 0) + (converted or 0))
    findings = tuple(
        Finding("stop", f"The {column} must be 0 or 1, but some rows have {_some(sorted({*found}))}.", remedy)
        for column, found in wrong.items()
        if found
    )
    if findings:
        raise TrainingRefused(source, findings)
    classes = np.array(of_code, dtype=np.intp)[encoded.indices.to_numpy(zero_copy_only=False)]
    return Labels(classes, of_kind=4)


def read_months(values: pa.Array) -> Labels:
    """Read the numbers that `find_history` gives the months in which customers left, as classes from 0 on."""
    months = values.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.intp)
    return Labels(months - 1, of_kind=MONTH_CLASSES)


def read_offer_ids(values: pa.Array, source: str, remedy: str) -> Labels:
    """Read offer ids (1 or higher) as classes, in the order of the ids. Raises `TrainingRefused`."""
    numbers = values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values
    try:
        offers = numbers.cast(pa.int64())
    except pa.ArrowInvalid:
        offers = pa.array([0])
    distinct, classes = np.unique(offers.to_numpy(zero_copy_only=False), return_inverse=True)
    if distinct[0] < 1:
        sentence = f"Offer ids must be whole numbers of 1 or more, but some are {_some(values.unique().to_pylist())}."
    elif len(distinct) > MAX_OFFERS:
        sentence = f"There are {len(distinct):,} different offers, more than {MAX_OFFERS}: is this column the offer id?"
    else:
        return Labels(classes, tuple(distinct.tolist()))
    raise TrainingRefused(source, (Finding("stop", sentence, remedy),))


def _as_class(value: object) -> int | None:
    if isinstance(value, float):
        return int(value) if value in (0.0, 1.0) else None
    return _BOOLEAN_WORDS.get(str(value).strip().lower().removesuffix(".0"))


def _some(values: Sequence[object]) -> str:
    shown = ", ".join(repr(value) for value in values[:3])
    return f"{shown}, …" if len(values) > 3 else shown
