"""Jobs yield to the app: their processes run at a lower priority, and numerical libraries leave one core free."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
# Read by TensorFlow (the first two), and by scikit-learn and the linear algebra libraries.
_THREAD_LIMITS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def yield_to_others(niceness: int) -> None:
    """Lower this process's priority for the processor, and for the disk, which Linux derives from it; 19 is the lowest.

    At 10, the app gets nine tenths of a core that both compete for. On an idle machine the job loses nothing.
    """
    with suppress(OSError):
        os.nice(niceness)
    # Linux first divides the processor among sessions. A job has a session of its own, in which niceness alone would
    # have no effect on the app.
    with suppress(OSError):
        AUTOGROUP.write_text(str(niceness))


def thread_limits() -> dict[str, str]:
    """Environment variables that let a job use all cores but one; those that are already set stay as they are."""
    threads = str(max(1, (os.cpu_count() or 1) - 1))
    return {name: os.environ.get(name, threads) for name in _THREAD_LIMITS}


def most_memory() -> int:
    """Peak memory of this process, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
