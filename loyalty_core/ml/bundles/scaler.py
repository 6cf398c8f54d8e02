"""Reads scaler.pkl without running anything that the file names.

A pickle is a program that may call any function it can import, so it is read in three steps: the opcodes are checked
against the few that a StandardScaler needs, the names against an allow-list, and each allowed name is resolved to an
inert class of this module, never to scikit-learn's or numpy's own.
"""

import io
import pickle
import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError

# A scaler of ten thousand inputs takes 0.25 MB.
_MAX_BYTES = 8 * 2**20
_MAX_INPUTS = 100_000

_OPCODES = frozenset(
    {"PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "STACK_GLOBAL", "NEWOBJ", "REDUCE", "BUILD"}
    | {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
    | {"SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
    | {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS"}
)
_NUMBER_TYPES = frozenset({"f8", "f4", "i8", "i4"})


class UnsafePickle(LoyaltyError):
    """A pickle contains something other than a fitted StandardScaler."""

    code = "unsafe_pickle"


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardisation per column, (value − mean) / scale, as in scikit-learn's StandardScaler."""

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]

    def transform(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scale float32 (rows, width) to float32 (rows, width)."""
        scaled = values - self.mean
        scaled /= self.scale
        return scaled


class _StandardScaler:
    """Takes the attributes of a pickled StandardScaler."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise UnsafePickle("The state of the scaler is not a dict.")
        self.attributes = state


class _NumberType:
    """Takes a pickled numpy.dtype; accepts only plain little-endian numbers."""

    def __init__(self, name: Any, *_flags: Any) -> None:
        if name not in _NUMBER_TYPES:
            raise UnsafePickle(f"It contains numbers of type {name!r}, which a StandardScaler does not have.")
        self.dtype = np.dtype(f"<{name}")

    def __setstate__(self, state: Any) -> None:
        if state[1] != "<":
            raise UnsafePickle("Its numbers are not little-endian.")


class _Array:
    """Takes a pickled one-dimensional numpy.ndarray with its data."""

    def __init__(self, *_shape: Any) -> None:
        self.values: npt.NDArray[np.float32] = np.empty(0, dtype=np.float32)

    def __setstate__(self, state: Any) -> None:
        _version, shape, number_type, _fortran, content = state
        if len(shape) != 1:
            raise UnsafePickle(f"It contains an array of shape {shape}, which a StandardScaler does not have.")
        self.values = np.frombuffer(content, number_type.dtype).reshape(shape).astype(np.float32)


class _ArrayClass:
    """Replaces the class numpy.ndarray, which the pickle passes to `_reconstruct`."""


def _scalar(number_type: _NumberType, content: bytes) -> float:
    return float(np.frombuffer(content, number_type.dtype)[0])


_STAND_INS: dict[tuple[str, str], Any] = {
    ("sklearn.preprocessing._data", "StandardScaler"): _StandardScaler,
    ("numpy", "dtype"): _NumberType,
    ("numpy", "ndarray"): _ArrayClass,
    **{
        (f"numpy.{core}.multiarray", name): stand_in
        for core in ("core", "_core")
        for name, stand_in in (("scalar", _scalar), ("_reconstruct", _Array))
    },
}


class _AllowListUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return _STAND_INS[module_name, global_name]
        except KeyError:
            raise UnsafePickle(
                f"It imports {module_name}.{global_name}.", "Only a StandardScaler and its arrays are allowed."
            ) from None


def read_scaler(content: bytes) -> Scaler:
    """Read the scaler in a pickle of protocol 4; raises `UnsafePickle` for anything else, without running it."""
    if len(content) > _MAX_BYTES:
        raise UnsafePickle(f"It has {len(content):,} bytes.", f"The limit is {_MAX_BYTES:,}.")
    try:
        _check_opcodes(content)
        restored = _AllowListUnpickler(io.BytesIO(content)).load()
        return _scaler_from(restored)
    except UnsafePickle:
        raise
    except Exception as error:  # noqa: BLE001  a damaged pickle may raise anything
        raise UnsafePickle("It cannot be read.", f"{type(error).__name__}: {error}.") from None


def _check_opcodes(content: bytes) -> None:
    end = 0
    for opcode, _argument, position in pickletools.genops(content):
        if opcode.name not in _OPCODES:
            raise UnsafePickle(f"It contains the opcode {opcode.name}, which a StandardScaler does not need.")
        end = (position or 0) + 1
    if end != len(content):
        raise UnsafePickle("It has data after its end.")


def _scaler_from(restored: Any) -> Scaler:
    if not isinstance(restored, _StandardScaler):
        raise UnsafePickle("It does not contain a StandardScaler.")
    attributes = restored.attributes
    mean, scale = attributes.get("mean_"), attributes.get("scale_")
    uses_both = attributes.get("with_mean") is True and attributes.get("with_std") is True
    if not uses_both or not isinstance(mean, _Array) or not isinstance(scale, _Array):
        raise UnsafePickle("The StandardScaler is not fitted with mean and scale.")
    means, scales = mean.values, scale.values
    if not 0 < len(means) == len(scales) <= _MAX_INPUTS:
        raise UnsafePickle(f"It has {len(means)} means but {len(scales)} scales, or too many.")
    if not (np.isfinite(means).all() and np.isfinite(scales).all() and (scales > 0).all()):
        raise UnsafePickle("Its means and scales are not finite, or a scale is not positive.")
    return Scaler(means, scales)
