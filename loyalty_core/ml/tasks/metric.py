"""Metrics of a model: name, meaning, and whether higher is better."""

from __future__ import annotations

from dataclasses import dataclass

# Further digits are noise, even on thousands of test rows.
DIGITS = 3


@dataclass(frozen=True)
class Metric:
    """A metric on test rows; `meaning` explains it, `is_share` shows it as a percentage.

    `short` heads its column in the terminal's table, which omits metrics without one; `phrase` is its name within a
    sentence, `digits` the number of decimals that are shown and compared.
    """

    key: str
    title: str
    meaning: str
    higher_is_better: bool = True
    is_share: bool = False
    short: str = ""
    phrase: str = ""
    digits: int = DIGITS

    @property
    def in_sentence(self) -> str:
        return self.phrase or self.title

    def is_worse(self, one: float, other: float) -> bool:
        """Whether `one` is worse than `other` when both are rounded to its digits."""
        difference = round(one, self.digits) - round(other, self.digits)
        return difference < 0 if self.higher_is_better else difference > 0


LOG_LOSS = Metric(
    "log_loss", "Log loss", "Mean negative log likelihood of what happened; 0 is best", higher_is_better=False,
    short="log loss",
)  # fmt: skip
