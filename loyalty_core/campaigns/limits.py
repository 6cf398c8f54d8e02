"""What limits a campaign: caps, quiet hours, the holdout, whether customers come again, and the budget."""

from __future__ import annotations

from datetime import time  # noqa: TC003 -- pydantic reads the annotations
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from loyalty_core.campaigns.values import STRICT, Count, Days, Money


def _refuse_zero(value: int | float | None) -> int | float | None:
    if value == 0:
        raise ValueError("0 would block everyone; leave it empty for no cap")
    return value


@dataclass(frozen=True, config=STRICT)
class Cap:
    """The most messages to one customer within a number of days."""

    messages: Count
    days: Days

    _no_zero = field_validator("messages")(_refuse_zero)


@dataclass(frozen=True, config=STRICT)
class Frequency:
    """The cap of this campaign; None for none. The cap over all campaigns is a setting."""

    campaign: Cap | None = None


@dataclass(frozen=True, config=STRICT)
class QuietHours:
    """A span of the day, in the customer's time zone, in which nothing is sent; it may go over midnight."""

    starts: time = Field(alias="from")
    ends: time = Field(alias="until")

    @model_validator(mode="after")
    def _not_always(self) -> QuietHours:
        if self.starts == self.ends:
            raise ValueError("quiet hours begin and end at the same time; leave them empty for none")
        return self


@dataclass(frozen=True, config=STRICT)
class ReEntry:
    """Whether a customer who has entered may enter again: never, or after `days`."""

    kind: Literal["never", "after_days"] = "never"
    days: Days = 30


@dataclass(frozen=True, config=STRICT)
class Holdout:
    """The percentage of customers who are never written to, to compare the others with."""

    share: Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, config=STRICT)
class Budget:
    """The most messages, or the most money for them, in the life of the campaign; None for no limit."""

    messages: Count | None = None
    money: Money | None = None
    cost_per_message: Money = 0.0

    _no_zero = field_validator("messages", "money")(_refuse_zero)

    @model_validator(mode="after")
    def _has_cost(self) -> Budget:
        if self.money is not None and not self.cost_per_message:
            raise ValueError("a budget in money needs the cost of a message")
        return self

    @property
    def most_messages(self) -> int | None:
        """The number of messages that both limits allow; None without a limit."""
        limits = [] if self.messages is None else [self.messages]
        if self.money is not None:
            # A quotient such as 0.3 / 0.1 is a little below the whole number that is meant.
            limits.append(int(self.money / self.cost_per_message + 1e-9))
        return min(limits, default=None)
