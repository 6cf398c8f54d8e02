"""How a model is measured: what a metric is called, what it means, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

# More of them are chance, even on thousands of test rows.
DIGITS = 3


@dataclass(frozen=True)
class Metric:
    """A measure on test rows; `meaning` explains it, `is_share` shows it as a percentage.

    `short` fits a terminal's table, which leaves out metrics without it; `phrase` names it within a sentence.
    """

    key: str
    title: str
    meaning: str
    higher_is_better: bool = True
    is_share: bool = False
    short: str = ""
    phrase: str = ""

    @property
    def in_sentence(self) -> str:
        return self.phrase or self.title

    def is_worse(self, one: float, other: float) -> bool:
        """Whether `one` is worse than `other`, in the digits that are shown."""
        ahead = round(one, DIGITS) - round(other, DIGITS)
        return ahead < 0 if self.higher_is_better else ahead > 0


LOG_LOSS = Metric(
    "log_loss", "Log loss", "How surprised the model is by what happened; 0 is best", higher_is_better=False,
    short="log loss",
)  # fmt: skip
