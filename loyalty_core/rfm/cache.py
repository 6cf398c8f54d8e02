"""RFM cut points for single customers, cached for a minute."""

import threading
import time
from typing import NamedTuple

from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait, holding
from loyalty_core.rfm.cut_points import current_cut_points
from loyalty_core.rfm.maps import map_in_use
from loyalty_core.rfm.scores import RfmCutPoints
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.connection import Relation

_CACHED_SECONDS = 60.0
# After an error, so that a slow warehouse is not queried again for every customer.
_FAILED_SECONDS = 10.0


class _Known(NamedTuple):
    """Cut points, or the error raised when reading them, for one reading of the view and until a time."""

    view: Relation
    outcome: RfmCutPoints | LoyaltyError
    until: float

    def holds_for(self, view: Relation) -> bool:
        return self.view is view and time.monotonic() < self.until


class CutPointsCache:
    """Caches the current cut points of a warehouse, or the error raised when reading them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def get(self) -> RfmCutPoints:
        """The cut points with the map in use; raises what `current_cut_points` and `map_in_use` raise."""
        cut_points, chosen = self._without_map(), map_in_use(self._warehouse.settings)
        return chosen.apply(cut_points) if chosen else cut_points

    def _without_map(self) -> RfmCutPoints:
        view, known = self._warehouse.whole.features, self._known
        if known is None or not known.holds_for(view):
            with holding(self._lock):
                known = self._known
                if known is None or not known.holds_for(view):
                    known = self._known = self._look_up(view)
        if isinstance(known.outcome, LoyaltyError):
            raise known.outcome.with_traceback(None)
        return known.outcome

    def _look_up(self, view: Relation) -> _Known:
        about_to_wait()
        try:
            return _Known(view, current_cut_points(self._warehouse), time.monotonic() + _CACHED_SECONDS)
        except LoyaltyError as error:
            return _Known(view, error, time.monotonic() + _FAILED_SECONDS)
