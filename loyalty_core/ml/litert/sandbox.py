"""Opens models in a child process first, since a damaged model can crash the process instead of raising an error.

`check_models` sends the models to a child process that runs this module, and accepts only exit code 0.
"""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError

_SECONDS = 60
_MEMORY_BYTES = 4 * 2**30
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]


class ModelCheckFailed(LoyaltyError):
    """A model could not be opened in the child process; `model` names it, empty if the process did not start."""

    def __init__(self, model: str, why: str) -> None:
        super().__init__(f"The model {model!r} cannot be opened.", why)
        self.model = model


def check_models(models: Mapping[str, tuple[bytes, npt.NDArray[np.float32]]]) -> None:
    """Open and run each model (name → content, scaled rows) in a child process; raises `ModelCheckFailed`."""
    payload = io.BytesIO()
    arrays: dict[str, npt.NDArray] = {}
    for name, (content, rows) in models.items():
        arrays |= {f"{name}:content": np.frombuffer(content, np.uint8), f"{name}:rows": rows}
    np.savez(payload, allow_pickle=False, **arrays)
    try:
        child = subprocess.run(  # noqa: S603  our own interpreter and module
            [sys.executable, "-P", "-m", __name__],
            input=payload.getvalue(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=os.environ | {"PYTHONPATH": str(_PACKAGE_ROOT)},
        )
    except subprocess.TimeoutExpired as error:
        raise ModelCheckFailed(_last_opened(error.stdout or b""), f"It did not finish within {_SECONDS} s.") from None
    except OSError as error:
        raise ModelCheckFailed("", f"The child process did not start: {error.strerror}.") from None
    if child.returncode:
        raise ModelCheckFailed(_last_opened(child.stdout), _cause(child.returncode, child.stderr))


def _last_opened(output: bytes) -> str:
    lines = output.decode().split()
    return lines[-1] if lines else ""


def _cause(exit_code: int, errors: bytes) -> str:
    if exit_code < 0:
        return f"It crashed the child process (signal {-exit_code})."
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"The child process exited with {exit_code}."


def _open_from_stdin() -> int:
    import resource  # noqa: PLC0415  only the child needs it

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from loyalty_core.ml.litert.model import ModelUnreadable, TfliteModel  # noqa: PLC0415

    payload = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    for name in sorted(key.partition(":")[0] for key in payload.files if key.endswith(":content")):
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        try:
            TfliteModel(payload[f"{name}:content"].tobytes()).predict(payload[f"{name}:rows"])
        except (ModelUnreadable, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_open_from_stdin())
