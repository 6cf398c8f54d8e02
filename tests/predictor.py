"""A process that predicts for one customer in a loop, as a served app does, until its input ends.

It prints each version that begins to answer, and at the end, as JSON, what it saw.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.settings import get_settings
from loyalty_core.warehouse import Warehouse
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import GUIDE_CUSTOMER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Between two predictions: often enough to meet a failure, while the work beside it has the processor.
PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Seen:
    """How often it answered, which versions did in turn, and what went wrong."""

    answers: int
    versions: list[str]
    faults: list[str]


class Predictor:
    """The process, seen by a test."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.predictor"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()
        self._seen: Seen | None = None

    def wait_for(self, version: str) -> None:
        """Return once this version answers; no other may have answered since the last call."""
        assert self._lines.get(timeout=PATIENCE_SECONDS) == version

    def stop(self) -> Seen:
        if self._seen is None:
            self._process.stdin.close()
            self._process.wait(PATIENCE_SECONDS)
            self._reading.join(PATIENCE_SECONDS)
            *_, last = self._lines.queue
            self._seen = Seen(**json.loads(last))
        return self._seen

    def _read(self) -> None:
        with self._process.stdout as output:
            for line in output:
                self._lines.put(line.strip())


@contextmanager
def predicting() -> Iterator[Predictor]:
    """Such a process with the settings of the environment, for the block; not one of its predictions may fail."""
    predictor = Predictor()
    try:
        yield predictor
    finally:
        seen = predictor.stop()
    assert seen.faults == []
    assert seen.answers > 0


def main() -> None:
    settings = get_settings()
    end = Thread(target=sys.stdin.read)
    answers, versions, faults = 0, [], []
    with closing(Warehouse(settings)) as warehouse:
        service = MLInferenceService(settings, warehouse)
        service.predict_churn(GUIDE_CUSTOMER)
        end.start()
        while end.is_alive():
            try:
                version = service.models().version
                assert 0 <= service.predict_churn(GUIDE_CUSTOMER)["churn_probability"] <= 1
                assert len(service.predict_nbo(GUIDE_CUSTOMER)["all_offers"]) == 8
                answers += 1
                if versions[-1:] != [version]:
                    versions.append(version)
                    print(version, flush=True)
            except Exception as fault:  # noqa: BLE001 -- whatever it is, a prediction has failed
                faults.append(repr(fault))
            time.sleep(PAUSE_SECONDS)
    print(json.dumps(asdict(Seen(answers, versions, faults))))


if __name__ == "__main__":
    main()
