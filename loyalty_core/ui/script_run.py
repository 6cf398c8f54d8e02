"""Whether the viewer of a script run has moved on: to another page, to a change of this one, or away.

Streamlit ends a run only when the script draws something. A statement that runs meanwhile is stopped by what is here.
What is used of Streamlit's internals is pinned by tests/ui/test_script_run.py.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from loyalty_core.cancellation import Cancellation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.runtime.scriptrunner import RerunData
    from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests
    from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext


def cancellation_of_run() -> Cancellation | None:
    """Requested once the viewer has moved on; None outside of a script run."""
    run = get_script_run_ctx(suppress_warning=True)
    if run is None or run.script_requests is None:
        return None
    requests, fragments = run.script_requests, run.fragment_ids_this_run or ()
    return Cancellation(
        lambda: _would_end(requests) or _redrawn(requests, fragments) is not None,
        lambda: _end(run, requests, fragments),
    )


def _would_end(requests: ScriptRequests) -> bool:
    """Whether Streamlit would end the run now. Asking takes the request away, so a copy is asked."""
    return copy(requests).on_scriptrunner_yield() is not None


def _redrawn(requests: ScriptRequests, fragments: Sequence[str]) -> RerunData | None:
    """The request to draw the same fragments again, such as for a changed rule, for which Streamlit ends no run.

    One by a timer is none: a read that takes longer than its interval would never end.
    """
    request = copy(requests).on_scriptrunner_ready()
    if not fragments or request.type is not ScriptRequestType.RERUN:
        return None
    asked = request.rerun_data
    return asked if set(fragments) <= set(asked.fragment_id_queue) and not asked.is_auto_rerun else None


def _end(run: ScriptRunContext, requests: ScriptRequests, fragments: Sequence[str]) -> None:
    """End the run as Streamlit would; the elements of a fragment that is drawn again stay until then."""
    run.yield_check()
    if _redrawn(requests, fragments) is not None:
        request = requests.on_scriptrunner_ready()
        if request.type is ScriptRequestType.RERUN:
            raise RerunException(request.rerun_data)
    st.stop()
