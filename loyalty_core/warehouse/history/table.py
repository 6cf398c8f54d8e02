"""What a history table is: its columns for the label, the day, and what belongs to the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from loyalty_core.errors import ViewUnusable

if TYPE_CHECKING:
    from loyalty_core.settings import Settings

ARM_SEPARATOR = "/"
# The column of a history of contacts that says by what the customer was contacted.
CHANNEL = "channel"
# Whether a customer leaves within this many days; the months between them are what a label says.
HORIZON_DAYS = (30, 60, 90)


class HistoryMissing(ViewUnusable):
    """The warehouse has no such history table."""

    code = "history_missing"


@dataclass(frozen=True)
class HistoryTable:
    """Where a model's labelled rows are read: a table with columns for the label and the day.

    `query_setting` names the setting whose query, where there is one, is read instead; empty without such a setting.
    `taken` says how a label that names what was taken is read: "what" was taken, so that rows without it have no label,
    or "whether" anything was.
    `treatment` is the column that says who was contacted, where that is part of the label: "1/0" for somebody who was,
    and did not convert.
    `followed_until` is the column with the day until which a customer was followed, where the label column has the day
    on which the customer left. Read as a label, that is the number of the month in which it was.
    """

    table: str
    label: str
    date: str
    query_setting: str = ""
    taken: Literal["what", "whether"] | None = None
    treatment: str = ""
    followed_until: str = ""

    def query(self, settings: Settings) -> str | None:
        """The query of the settings that takes the table's place."""
        return getattr(settings, self.query_setting.lower()) if self.query_setting else None


CHURN_HISTORY = HistoryTable("customer_churn_history", "churned", "snapshot_date", "DWH_CHURN_TRAINING_QUERY")
