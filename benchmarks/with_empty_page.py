"""The served app with an empty page at /empty, and one with a chart at /chart: baselines of screens.py and sessions.py.

Run it with `--server.port PORT`, in a folder with the app's .streamlit/.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
port = int(sys.argv[-1])
sys.argv = [str(ROOT / "serve.py")]  # beside which app.py is

from loyalty_core.access import Action  # noqa: E402
from loyalty_core.ui import navigation  # noqa: E402

EMPTY = navigation.Screen("../benchmarks/empty_page.py", "Empty", ":material/crop_square:", "empty", Action.VIEW)
CHART = navigation.Screen("../benchmarks/page_with_chart.py", "Chart", ":material/show_chart:", "chart", Action.VIEW)
navigation.SCREENS = (*navigation.SCREENS, EMPTY, CHART)

from serve import app  # noqa: E402

app.run(config={"server.port": port})
