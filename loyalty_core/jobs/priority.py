"""A job leaves the machine to people: its process yields to the app, and TensorFlow and the like leave it a core."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
# TensorFlow's own names, and what the linear algebra and scikit-learn below it read.
_THREAD_LIMITS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def yield_to_others(niceness: int) -> None:
    """Give way on the processor, and on the disk, whose priority Linux derives from it; 19 gives way most.

    At 10, the app gets nine tenths of a core that both want. On an idle machine the job loses nothing.
    """
    with suppress(OSError):
        os.nice(niceness)
    # Linux shares the processor among sessions first, and a job has a session of its own, in which being nice alone
    # would be nice to nobody.
    with suppress(OSError):
        AUTOGROUP.write_text(str(niceness))


def thread_limits() -> dict[str, str]:
    """For the environment of a job's process: all cores but one; what the environment says already goes first."""
    threads = str(max(1, (os.cpu_count() or 1) - 1))
    return {name: os.environ.get(name, threads) for name in _THREAD_LIMITS}


def most_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
