"""Who may start which kind of job."""

import pytest

from loyalty_core.access import ROLES, NotAllowed, Viewer, acting_as
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.jobs import JobQueue
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.store import StateStore


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", [*ROLES, "none"])
def test_a_kind_is_refused_to_roles_without_its_action(role: str, kind: str):
    viewer = Viewer("anna", frozenset({role}))
    # Without a store, no job starts: whoever is allowed to start one learns of the outage.
    expected = StateStoreUnavailable if viewer.may(KINDS[kind].action) else NotAllowed
    with StateStore("sqlite:////dev/null/state.db") as store, acting_as(viewer), pytest.raises(expected):
        JobQueue(store).start(kind, {}, viewer.id)
