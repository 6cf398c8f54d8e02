"""What monitoring answers."""

from datetime import datetime

from pydantic import BaseModel

from loyalty_core.analytics.monitoring import Cause, When
from loyalty_core.ml.features import State


class RetrainingReason(BaseModel):
    """One reason, and the advice that it alone leads to."""

    when: When
    kind: str
    clause: str


class RetrainingAnswer(BaseModel):
    """When to train again, in a sentence and by reason, the most urgent first."""

    when: When
    sentence: str
    reasons: list[RetrainingReason]


class AlarmAnswer(BaseModel):
    """A problem and its remedy; `column` is that of a constant input, otherwise empty."""

    code: str
    sentence: str
    remedy: str
    column: str


class DistributionAnswer(BaseModel):
    """The share of customers in each bin, of which the last is for blanks; `mean` only of numbers."""

    customers: int
    mean: float | None
    blank: float
    shares: list[float]


class FeatureDriftAnswer(BaseModel):
    """One feature at training (`then`) and `now`; `moved` names the bin that changed most.

    `psi_since_training` compares the base now with the base at training, `psi_since_learned` with the rows that the
    models learned from, which stays high until they learn from newer ones; `psi` is the one that decides the state.
    """

    feature: str
    label: str
    psi: float
    psi_since_training: float
    psi_since_learned: float
    state: State
    moved: str
    bins: list[str]
    then: DistributionAnswer
    now: DistributionAnswer
    psi_against_training_rows: dict[str, float]


class VerdictAnswer(BaseModel):
    """Whether a model has become worse since its training; unless `is_known`, the sentence says why it is not known."""

    is_worse: bool
    sentence: str
    is_known: bool


class ScoreIndex(BaseModel):
    """How much the scores differ from those of the run before, as a population stability index."""

    psi: float
    state: State | None


class ScoringRunAnswer(BaseModel):
    """The scores of one run; `churn`, `offers` and `cause` compare it with the run before, null for the oldest."""

    scored_at: datetime
    data_changed: bool
    versions: dict[str, int]
    customers: int
    mean_churn_probability: float | None
    risk_shares: dict[str, float]
    offer_shares: dict[str, float]
    churn: ScoreIndex | None
    offers: ScoreIndex | None
    cause: Cause | None


class MonitoringAnswer(BaseModel):
    """The state of the active version: `drift` by feature, largest first, and `scores` by run, newest first.

    `no_drift` says why drift is not known, and `made_up` that the last run was in mock mode.
    """

    version: str
    retraining: RetrainingAnswer
    alarms: list[AlarmAnswer]
    made_up: bool
    drift: list[FeatureDriftAnswer]
    no_drift: str | None
    outcomes: dict[str, VerdictAnswer]
    scores: list[ScoringRunAnswer]
