"""The app with an empty page among its screens, at /empty: what benchmarks/screens.py looks at."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from streamlit.runtime.pages_manager import PagesManager  # noqa: E402
from streamlit.starlette import App  # noqa: E402

from loyalty_core.services import get_services  # noqa: E402
from loyalty_core.ui import navigation  # noqa: E402

EMPTY = navigation.Screen("../benchmarks/empty_page.py", "Empty", ":material/crop_square:", "empty")
navigation.SCREENS = (*navigation.SCREENS, EMPTY)

PagesManager.uses_pages_directory = False
get_services().prepare_store()
app = App(str(ROOT / "app.py"))
