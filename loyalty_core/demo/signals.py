"""What the programme's systems know about each member at one time, beside the purchases: features of the models."""

from datetime import date

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers
from loyalty_core.demo.circumstances import PROMISED_DAYS
from loyalty_core.demo.habits import Habits
from loyalty_core.demo.purchases import Purchases, Seen

# Column → description, in the order of the view.
COLUMNS = {
    "online_share": "Share of the baskets ordered on the web or in the app, 0 to 1; blank for members who never bought",
    "discount_share": "Share of the baskets bought at a reduced price, 0 to 1; blank for members who never bought",
    "last_order_days_late": "Days by which the last purchase was delivered late so far; 0 on time or bought in a store",
    "last_basket_price_rise_pct": "By how many percent the articles of the last basket cost more than before",
    "store_distance_km": "Kilometres from home to the nearest store",
    "moved_away_km": "Kilometres by which a move in the last 365 days made the way to a store longer; 0 without a move",
    "bonus_points_expiring": "Bonus points that expire on the next expiry date; they are not part of points_balance",
    "bonus_points_expire_in_days": "Days until the next expiry date of bonus points",
    "points_redeemed_share": "Share of the points earned that were redeemed, 0 to 1; blank before the first purchase",
    "app_visits_per_month": "Usual number of visits to the app in 30 days; 0 for members who do not use it",
    "app_use_change_pct": "App visits in the 30 days before the last purchase against the usual number, in percent",
}


class Signals:
    """Computes the columns of one block of members at any time; rows are positions of members in the block."""

    def __init__(self, habits: Habits, purchases: Purchases, baskets: pa.Table) -> None:
        self._habits, self._happened = habits, purchases.circumstances
        self._starts = purchases.starts[:-1]
        self._online = _totals(self._happened.channel > 0)
        self._reduced = _totals(self._happened.reduced)
        self._earned = _totals(baskets["points_earned"].to_numpy())
        self._redeemed = _totals(baskets["points_redeemed"].to_numpy())

    def at(self, seen: Seen, rows: Integers) -> dict[str, Floats]:
        """Column → values of the members `rows` at the time of `seen`; NaN is blank."""
        habits, last, moment = self._habits, seen.last[rows], seen.moment
        bought = seen.count[rows] > 0
        late = np.minimum(self._happened.days_late[last], np.maximum(seen.since_last[rows] - PROMISED_DAYS, 0) // 1)
        usual = habits.app_visits[rows]
        change = 100 * (self._happened.app_visits[last] / np.where(usual > 0, usual, 1.0) - 1)
        count = np.maximum(seen.count[rows], 1)
        columns = {
            "online_share": np.round(self._until(self._online, seen, rows) / count, 4),
            "discount_share": np.round(self._until(self._reduced, seen, rows) / count, 4),
            "last_order_days_late": late,
            "last_basket_price_rise_pct": self._happened.price_rise[last],
            "store_distance_km": np.round(habits.home.store_km(rows, moment), 1),
            "moved_away_km": np.round(habits.home.km_farther(rows, moment), 1),
            "bonus_points_expiring": habits.bonus.expiring(rows, moment),
            "bonus_points_expire_in_days": np.ceil(habits.bonus.days_left(rows, moment)),
            "points_redeemed_share": np.round(
                self._until(self._redeemed, seen, rows) / np.maximum(self._until(self._earned, seen, rows), 1), 4
            ),
            "app_visits_per_month": np.round(usual, 1),
            "app_use_change_pct": np.where(usual > 0, np.round(change), 0.0),
        }
        return {name: np.where(bought | (name in _KNOWN_OF_ALL), values, np.nan) for name, values in columns.items()}

    def _until(self, totals: Floats, seen: Seen, rows: Integers) -> Floats:
        first = self._starts[rows]
        return totals[first + seen.count[rows]] - totals[first]


_KNOWN_OF_ALL = frozenset(
    {
        "store_distance_km",
        "moved_away_km",
        "bonus_points_expiring",
        "bonus_points_expire_in_days",
        "app_visits_per_month",
    }
)
_WHOLE = frozenset({"last_order_days_late", "bonus_points_expiring", "bonus_points_expire_in_days"})


def signals_table(ids: pa.Array, day: date, columns: dict[str, Floats]) -> pa.Table:
    """Rows of the table of signals: one per id, as of `day`."""
    values = {
        name: pa.array(column, pa.int32() if name in _WHOLE else pa.float64(), mask=np.isnan(column))
        for name, column in columns.items()
    }
    return pa.table({"customer_id": ids, "as_of": pa.repeat(pa.scalar(day), len(ids)), **values})


def _totals(values: Integers | Flags) -> Floats:
    """Totals before each position, so that those of any stretch are a difference."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=float)])
