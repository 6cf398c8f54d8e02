"""What the API answers about the figures of the screens."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from loyalty_core.api.json_values import JsonValue


class TallyAnswer(BaseModel):
    """The customers with one prediction, and their share (0–1); `before` is their number in the run before, if any."""

    value: JsonValue
    customers: int
    share: float
    before: int | None


class TopSegmentAnswer(BaseModel):
    """A saved segment by its last size; `change` is since the size before."""

    id: str
    name: str
    customers: int
    share: float
    change: int | None
    is_stale: bool
    data_changed: bool


class OverviewAnswer(BaseModel):
    """The last scoring run, compared with the run before; `churners` is the sum of churn probabilities.

    `risks` are ordered from high to low, `rfm_segments` from strong to weak, `offers` by frequency.
    """

    scored_at: datetime
    model_version: str
    customers: int
    churners: float | None
    churners_before: float | None
    risks: list[TallyAnswer]
    offers: list[TallyAnswer]
    rfm_segments: list[TallyAnswer]
    top_segments: list[TopSegmentAnswer]


class GroupAnswer(BaseModel):
    """A group of customers: expected `churners`, mean probability, total value, and the value expected to be lost."""

    customers: int
    churners: float
    mean: float
    value: float
    loss: float


class ChurnFigures(BaseModel):
    """The scored customers in total and by risk; `histogram` counts them in 20 equal steps of probability.

    `value_column` is the column of revenue that `value` and `loss` are sums of; without one they are 0.
    """

    scored_at: datetime
    model_version: str
    unscored: int
    value_column: str | None
    everyone: GroupAnswer
    risks: dict[str, GroupAnswer]
    histogram: list[int]


class OfferAnswer(BaseModel):
    """An offer: the customers to whom it is recommended, how many of them are expected to take it, and the value.

    `value` is money per conversion; it is 1 where margin or baskets are not known, so that conversions are counted.
    `mean_propensity` is among those who take any offer. `conversions` and `expected_value` are null where no uptake
    model says how many customers take an offer.
    """

    offer_id: int
    offer_name: str
    customers: int
    share: float
    mean_propensity: float
    value: float
    value_is_known: bool
    conversions: float | None
    expected_value: float | None


class OfferMixAnswer(BaseModel):
    """The recommended offers by id; `confidence` counts customers in 20 equal steps from 0 to 1.

    `mean_uptake` is the mean probability of taking any offer; without an uptake model it is null, as are `conversions`,
    how many are expected to take the offer recommended to them, its 90 % interval, and `expected_value`.
    """

    scored_at: datetime
    model_version: str
    customers: int
    with_offer: int
    conversions: float | None
    conversions_interval: tuple[float, float] | None
    expected_value: float | None
    mean_uptake: float | None
    mean_confidence: float | None
    confidence: list[int]
    basket: float | None
    offers: list[OfferAnswer]


class SpendingAnswer(BaseModel):
    """Totals over customers; `known` is the number of those whose amount of money is not blank."""

    customers: int
    known: int
    money: float
    purchases: float


class RfmCell(BaseModel):
    """The customers with these three scores."""

    recency: int
    frequency: int
    monetary: int
    segment: str
    spending: SpendingAnswer


class RfmSegmentAnswer(BaseModel):
    """An RFM segment, with its shares of customers and money, and advice for marketing to it."""

    name: str
    spending: SpendingAnswer
    customer_share: float
    money_share: float
    advice: str


class RfmFiguresAnswer(BaseModel):
    """RFM of the last scoring run: by segment, strongest first, and by cell."""

    scored_at: datetime
    model_version: str
    unscored: int
    total: SpendingAnswer
    segments: list[RfmSegmentAnswer]
    cells: list[RfmCell]


class EarlierRun(BaseModel):
    """A scoring run that the current one can be compared with."""

    scored_at: datetime
    model_version: str


class FlowAnswer(BaseModel):
    """Customers who moved `before` → `after`, and what they have spent; null means outside the base, then or now."""

    before: str | None
    after: str | None
    kind: Literal["stayed", "stronger", "weaker", "other", "new", "gone"]
    customers: int
    money: float


class MovementAnswer(BaseModel):
    """Movement between RFM segments from the run of `since` to the current one, the largest flow first.

    `runs` are all that can be compared with, newest first; without any, `since` is null and there are no flows.
    """

    since: datetime | None
    runs: list[EarlierRun]
    flows: list[FlowAnswer]
