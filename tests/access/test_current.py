"""Who is acting, and what they may do."""

import pytest

from loyalty_core.access import ROLES, Action, NotAllowed, Viewer, acting_as, current_viewer, require


def test_without_sign_in_the_local_user_may_do_everything():
    assert current_viewer().id == "Local user"
    assert current_viewer().actions == frozenset(Action)


def test_a_viewer_acts_within_the_block_alone():
    with acting_as(Viewer("anna", frozenset({"viewer"}))):
        assert current_viewer().id == "anna"
    assert current_viewer().id == "Local user"


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", ROLES)
def test_an_action_that_the_role_does_not_allow_is_refused(role: str, action: Action):
    viewer = Viewer("anna", frozenset({role}))
    with acting_as(viewer):
        if action in ROLES[role].actions:
            assert require(action) == viewer
        else:
            with pytest.raises(NotAllowed, match="anna may not "):
                require(action)


def test_an_unknown_role_allows_nothing():
    assert Viewer("anna", frozenset({"root"})).actions == frozenset()
