"""What the process of a job does for each kind of job."""

from types import SimpleNamespace
from typing import cast

import pytest

from loyalty_core.jobs import KINDS, Job, UnknownKind
from loyalty_core.jobs.report import Report
from loyalty_core.settings import get_settings
from loyalty_core.work.handlers import HANDLERS
from loyalty_core.work.run import prepare
from tests.workbench import Configure


def test_every_kind_has_a_handler():
    assert HANDLERS.keys() == KINDS.keys()


def test_a_kind_without_a_handler_is_refused(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    """As where a newer version of the app has started the job."""
    monkeypatch.delitem(HANDLERS, "comparison")
    work = prepare(get_settings())
    with pytest.raises(UnknownKind, match="'comparison'"):
        work.do(cast("Job", SimpleNamespace(kind="comparison", options={})), Report())
    work.close()
