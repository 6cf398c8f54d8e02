"""The app with constants in place of what a rule asks the warehouse: the baseline of benchmarks/editor.py."""

import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from streamlit.runtime.pages_manager import PagesManager  # noqa: E402
from streamlit.starlette import App  # noqa: E402

from loyalty_core.segments import Selection  # noqa: E402
from loyalty_core.segments.figures import ConditionCount, FunnelStep, Preview  # noqa: E402
from loyalty_core.services import get_services  # noqa: E402

_sizes = count(1)


def _preview(selection: Selection) -> Preview:
    parts = getattr(selection.rule.condition, "conditions", ())
    return Preview(
        1_000_000,
        1,
        tuple(FunnelStep(part.path, "A condition", 1, 1) for part in parts),
        tuple(ConditionCount(part.path, "A condition", 1, 1) for part in parts),
    )


Selection.size = lambda *_: Preview(1_000_000, next(_sizes))  # type: ignore[method-assign]
Selection.preview = _preview  # type: ignore[method-assign]
Selection.members = lambda *_, **__: [{"customer_id": str(n), "full_name": "Somebody"} for n in range(5)]  # type: ignore[method-assign]

PagesManager.uses_pages_directory = False
get_services().prepare_store()
app = App(str(ROOT / "app.py"))
