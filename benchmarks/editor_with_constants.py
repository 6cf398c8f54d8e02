"""The app with constants in place of what a rule asks the warehouse: the baseline of benchmarks/editor.py."""

import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from streamlit.runtime.pages_manager import PagesManager  # noqa: E402
from streamlit.starlette import App  # noqa: E402

from loyalty_core.segments import SegmentationEngine  # noqa: E402
from loyalty_core.segments.figures import ConditionCount, FunnelStep, Preview  # noqa: E402
from loyalty_core.services import get_services  # noqa: E402

_sizes = count(1)


def _preview(engine: SegmentationEngine, rule: object, segment_id: str | None = None) -> Preview:
    bound = engine.compile(rule, segment_id)
    parts = getattr(bound.condition, "conditions", ())
    return Preview(
        1_000_000,
        1,
        tuple(FunnelStep(part.path, "A condition", 1, 1) for part in parts),
        tuple(ConditionCount(part.path, "A condition", 1, 1) for part in parts),
    )


SegmentationEngine.size = lambda *_: Preview(1_000_000, next(_sizes))  # type: ignore[method-assign]
SegmentationEngine.preview = _preview  # type: ignore[method-assign]
SegmentationEngine.members = lambda *_, **__: [{"customer_id": str(n), "full_name": "Somebody"} for n in range(5)]  # type: ignore[method-assign]

PagesManager.uses_pages_directory = False
get_services().prepare_store()
app = App(str(ROOT / "app.py"))
