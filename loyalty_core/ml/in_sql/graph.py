"""The steps of a network, read from its TensorFlow Lite file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError

Constant = npt.NDArray[Any]

_RECTIFIED = "RELU"
_TYPES = {"FLOAT32": np.dtype("<f4"), "INT32": np.dtype("<i4")}


class NotInSql(LoyaltyError):
    """The models, or what they read, cannot be written as SQL."""

    code = "not_in_sql"

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(
            message, detail, "Score without --in-warehouse and with ML_SCORE_IN_WAREHOUSE=false: LiteRT scores them."
        )


@dataclass(frozen=True)
class Step:
    """One operation: the tensors that it reads, the one that it makes, and whether negative results become 0."""

    operation: str
    inputs: tuple[int, ...]
    output: int
    is_rectified: bool


@dataclass(frozen=True, eq=False)
class Graph:
    """The steps in the order in which they are computed, and the tensors that are constants."""

    steps: tuple[Step, ...]
    constants: dict[int, Constant]
    first: int
    last: int


def read_graph(content: bytes) -> Graph:
    """Read a file that LiteRT has opened before; raises `NotInSql` for an activation other than RELU."""
    # Not at the top: it takes a while to load, and is needed only here.
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (graph,) = model.subgraphs
    operations, activations, types = (
        {code: name for name, code in vars(kind).items() if isinstance(code, int)}
        for kind in (schema.BuiltinOperator, schema.ActivationFunctionType, schema.TensorType)
    )

    def step(operator: Any) -> Step:
        code = model.operatorCodes[operator.opcodeIndex]
        activation = activations[getattr(operator.builtinOptions, "fusedActivationFunction", 0)]
        if activation not in {"NONE", _RECTIFIED}:
            raise NotInSql(f"The activation {activation} of a network cannot be written as SQL.")
        return Step(
            operations[max(code.builtinCode, code.deprecatedBuiltinCode)],
            tuple(int(tensor) for tensor in operator.inputs if tensor >= 0),
            int(operator.outputs[0]),
            activation == _RECTIFIED,
        )

    constants: dict[int, Constant] = {}
    for number, tensor in enumerate(graph.tensors):
        data = model.buffers[tensor.buffer].data
        kind = _TYPES.get(types[tensor.type])
        if data is not None and kind is not None:
            shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
            constants[number] = np.frombuffer(bytes(data), kind).reshape(shape)
    return Graph(tuple(map(step, graph.operators)), constants, int(graph.inputs[0]), int(graph.outputs[0]))
