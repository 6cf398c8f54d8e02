"""From the command of a second `make run` to the first answer, against `streamlit hello`: `python -m benchmarks.start`.

The demo is prepared once beforehand, in a folder of its own and in mock mode, so that no model has to be trained.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.browsing import served
from benchmarks.timing import compare, show

ROOT = Path(__file__).parents[1]
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="benchmark-start-") as folder:
        shutil.copytree(ROOT / ".streamlit", Path(folder) / ".streamlit")
        os.environ.update(PYTHONPATH=str(ROOT), ML_MOCK_MODE="true")
        os.chdir(folder)
        prepare()
        show(
            "Start, to the first answer",
            compare({"streamlit hello": start_hello, "make run, for the second time": start_product}, ROUNDS),
        )


def start_hello() -> None:
    with served(["hello"], {}):
        pass


def start_product() -> None:
    prepare()
    with served(["run", str(ROOT / "serve.py")], {}):
        pass


def prepare() -> None:
    subprocess.run([sys.executable, "-m", "loyalty_core.demo.prepare"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
