"""RFM cut points at hand for single customers, looked up again every minute."""

import threading
import time

import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.rfm.cut_points import current_cut_points
from loyalty_core.rfm.maps import map_in_use
from loyalty_core.rfm.scores import RfmCutPoints
from loyalty_core.warehouse import Warehouse

_CACHED_SECONDS = 60.0
# A warehouse too slow for cut points must not be asked for them with every customer.
_FAILED_SECONDS = 10.0


class CutPointsCache:
    """The current cut points of a warehouse, or the error that there are none, for a short while."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._outcome: RfmCutPoints | LoyaltyError | None = None
        self._view: sa.Table | None = None
        self._expires = 0.0

    def get(self) -> RfmCutPoints:
        """With the map in use; raises what `current_cut_points` and `map_in_use` raise."""
        cut_points, chosen = self._without_map(), map_in_use(self._warehouse.settings)
        return chosen.apply(cut_points) if chosen else cut_points

    def _without_map(self) -> RfmCutPoints:
        view = self._warehouse.features
        with self._lock:
            if self._outcome is None or self._view is not view or time.monotonic() >= self._expires:
                self._look_up(view)
            outcome = self._outcome
        if isinstance(outcome, LoyaltyError):
            raise outcome.with_traceback(None)
        assert outcome is not None  # noqa: S101  _look_up has set it
        return outcome

    def _look_up(self, view: sa.Table) -> None:
        try:
            self._outcome, seconds = current_cut_points(self._warehouse), _CACHED_SECONDS
        except LoyaltyError as error:
            self._outcome, seconds = error, _FAILED_SECONDS
        self._view, self._expires = view, time.monotonic() + seconds
