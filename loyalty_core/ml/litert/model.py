"""A TensorFlow Lite model run by LiteRT: any number of rows, from any thread."""

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError

FloatRows = npt.NDArray[np.float32]

CHUNK_ROWS = 8192
# LiteRT says so once in a process, on the terminal of whoever called a command; no setting of its own prevents it.
_ANNOUNCEMENT = b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
_announced = False


class ModelUnreadable(LoyaltyError):
    """The content is not a model with one float32 input (rows, width) and one float32 output (rows, outputs)."""

    code = "model_unreadable"


class TfliteModel:
    """A loaded model with `width` inputs and `outputs` outputs per row.

    An interpreter serves one thread at a time, so idle interpreters are pooled by the number of rows that their tensors
    are allocated for: single rows, full chunks, and other sizes.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._idle: dict[int, deque[_Runner]] = {1: deque(), CHUNK_ROWS: deque(), 0: deque()}
        first = _Runner(content)
        self.width, self.outputs = first.width, first.outputs
        self._idle[1].append(first)

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Scaled float32 (rows, width) → float32 (rows, outputs)."""
        if scaled.ndim != 2 or scaled.shape[1] != self.width:
            raise ValueError(f"The model takes (rows, {self.width}), not {scaled.shape}")
        rows = len(scaled)
        if rows <= CHUNK_ROWS:
            return self._run(scaled)
        answers = np.empty((rows, self.outputs), dtype=np.float32)
        for start in range(0, rows, CHUNK_ROWS):
            answers[start : start + CHUNK_ROWS] = self._run(scaled[start : start + CHUNK_ROWS])
        return answers

    def _run(self, scaled: FloatRows) -> FloatRows:
        rows = len(scaled)
        if rows == 0:
            return np.empty((0, self.outputs), dtype=np.float32)
        idle = self._idle[rows if rows in self._idle else 0]
        try:
            runner = idle.pop()
        except IndexError:
            runner = _Runner(self.content)
        try:
            return runner.run(scaled)
        finally:
            idle.append(runner)


@contextmanager
def without_announcement() -> Iterator[None]:
    """Leave out the line by which LiteRT announces itself on stderr; what else is written there arrives afterwards."""
    global _announced  # noqa: PLW0603  one for the process, like stderr
    if _announced:
        yield
        return
    _announced = True
    try:
        stderr, written = os.dup(2), tempfile.TemporaryFile()  # noqa: SIM115  closed below
    except OSError:  # no stderr, or no room for a file
        yield
        return
    with written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            lines = written.read().splitlines(keepends=True)
            with suppress(OSError):
                os.write(2, b"".join(line for line in lines if line.strip() != _ANNOUNCEMENT))


class _Runner:
    """One interpreter, with tensors allocated for the number of rows of its last run."""

    def __init__(self, content: bytes) -> None:
        # Not at the top: mock mode imports this module and must run without LiteRT.
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

        try:
            with without_announcement():
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
            inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise ModelUnreadable("LiteRT cannot open it.", str(error).strip().splitlines()[0]) from None
        self._input, self.width = _float_table(inputs, "input")
        self._output, self.outputs = _float_table(outputs, "output")
        self._rows = 0

    def run(self, scaled: FloatRows) -> FloatRows:
        """Raises `ModelUnreadable` when LiteRT fails on the rows."""
        interpreter = self._interpreter
        try:
            if len(scaled) != self._rows:
                self._rows = 0
                interpreter.resize_tensor_input(self._input, scaled.shape)
                interpreter.allocate_tensors()
                self._rows = len(scaled)
            interpreter.set_tensor(self._input, scaled)
            interpreter.invoke()
            return interpreter.get_tensor(self._output)
        except (ValueError, RuntimeError) as error:
            raise ModelUnreadable("LiteRT cannot run it.", str(error).strip().splitlines()[0]) from None


def _float_table(tensors: Sequence[dict[str, Any]], role: str) -> tuple[int, int]:
    """Index and width of the only tensor of that role."""
    if len(tensors) != 1 or tensors[0]["dtype"] is not np.float32 or len(tensors[0]["shape"]) != 2:
        raise ModelUnreadable(f"It must have exactly one {role}, float32 of shape (rows, width).")
    return int(tensors[0]["index"]), int(tensors[0]["shape"][1])
