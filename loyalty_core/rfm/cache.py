"""RFM cut points for single customers, cached for a minute."""

import threading
import time

from cachetools import TLRUCache

from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait, holding
from loyalty_core.rfm.cut_points import current_cut_points
from loyalty_core.rfm.maps import map_in_use
from loyalty_core.rfm.scores import RfmCutPoints
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.connection import Relation

Outcome = RfmCutPoints | LoyaltyError

_CACHED_SECONDS = 60.0
# After an error, so that a slow warehouse is not queried again for every customer.
_FAILED_SECONDS = 10.0


class CutPointsCache:
    """Caches the current cut points of a warehouse, or the error raised when reading them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._outcomes: TLRUCache[Relation, Outcome] = TLRUCache(1, ttu=_expiry, timer=time.monotonic)

    def get(self) -> RfmCutPoints:
        """The cut points with the map in use; raises what `current_cut_points` and `map_in_use` raise."""
        cut_points, chosen = self._without_map(), map_in_use(self._warehouse.settings)
        return chosen.apply(cut_points) if chosen else cut_points

    def _without_map(self) -> RfmCutPoints:
        view = self._warehouse.whole.features
        with holding(self._lock):
            outcome = self._outcomes.get(view)
            if outcome is None:
                outcome = self._outcomes[view] = self._look_up()
        if isinstance(outcome, LoyaltyError):
            raise outcome.with_traceback(None)
        return outcome

    def _look_up(self) -> Outcome:
        about_to_wait()
        try:
            return current_cut_points(self._warehouse)
        except LoyaltyError as error:
            return error


def _expiry(_view: Relation, outcome: Outcome, now: float) -> float:
    return now + (_FAILED_SECONDS if isinstance(outcome, LoyaltyError) else _CACHED_SECONDS)
