"""Who uses the app, where nobody logs in."""

import pytest

from loyalty_core.ui.viewer import viewer_name
from tests.workbench import Configure


def test_without_a_login_it_is_the_name_of_the_settings(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "root")
    assert viewer_name() == "Local user"
    configure(local_user="Marketing")
    assert viewer_name() == "Marketing"
