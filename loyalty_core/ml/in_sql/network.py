"""The steps of a network as computed columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.in_sql.graph import Graph, NotInSql, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.ml.in_sql.computed_columns import ComputedColumns, Number

Tensor = list["Number"]

# Beyond it, e to the power of a number is 0 or infinity for single precision, and an error on some databases.
_LARGEST_EXPONENT = 80.0
_FEW_PRODUCTS = 2
_PAIRED = {"ADD": "({} + {})", "SUB": "({} - {})", "MUL": "({} * {})"}


def add_network(columns: ComputedColumns, graph: Graph, inputs: Sequence[Number], prefix: str) -> Tensor:
    """Add the columns of a network, whose names begin with `prefix`; returns its outputs.

    Raises `NotInSql` for an operation that is not known here.
    """
    return _Network(columns, graph, prefix).outputs(inputs)


def _is_dense(weights: np.ndarray[Any, Any]) -> bool:
    """Whether an inner product is worth it: of the inputs of a layer that cuts pieces, each piece reads one."""
    return bool(np.count_nonzero(weights) > len(weights) * _FEW_PRODUCTS)


class _Network:
    def __init__(self, columns: ComputedColumns, graph: Graph, prefix: str) -> None:
        self._columns, self._graph, self._prefix = columns, graph, prefix
        self._tensors: dict[int, Tensor] = {}

    def outputs(self, inputs: Sequence[Number]) -> Tensor:
        graph = self._graph
        self._tensors[graph.first] = list(inputs)
        for step in graph.steps:
            made = self._made(step)
            if step.is_rectified:
                made = [self._columns.greatest(one, self._columns.constant(0)) for one in made]
            self._tensors[step.output] = self._in_columns(step, made) if self._is_read_often(step) else made
        return self._tensors[graph.last]

    def _is_read_often(self, step: Step) -> bool:
        """Whether what the step makes is worth columns; what is read once is written where it is read."""
        if step.operation in {"CONCATENATION", "STRIDED_SLICE"}:
            return False
        readers = [one for one in self._graph.steps if step.output in one.inputs]
        often = {"FULLY_CONNECTED", "CONCATENATION", "SOFTMAX"}
        return step.operation == "FULLY_CONNECTED" or len(readers) != 1 or readers[0].operation in often

    def _in_columns(self, step: Step, made: Tensor) -> Tensor:
        return [self._columns.add(f"{self._prefix}_{step.output}_{place}", one) for place, one in enumerate(made)]

    def _made(self, step: Step) -> Tensor:
        columns = self._columns
        match step.operation:
            case "FULLY_CONNECTED":
                return self._weighted(step)
            case "CONCATENATION":
                return [one for tensor in step.inputs for one in self._read(tensor)]
            case "STRIDED_SLICE":
                begin, end, strides = (self._graph.constants[tensor] for tensor in step.inputs[1:4])
                return self._read(step.inputs[0])[int(begin[-1]) : int(end[-1]) : int(strides[-1])]
            case "RELU":
                return [columns.greatest(one, columns.constant(0)) for one in self._read(step.inputs[0])]
            case "NEG":
                return [columns.write("(0 - {})", one) for one in self._read(step.inputs[0])]
            case "LOGISTIC":
                return [self._logistic(one) for one in self._read(step.inputs[0])]
            case "SOFTMAX":
                return self._softmax(step)
            case "MINIMUM":
                return [columns.least(*pair) for pair in self._pairs(step)]
            case "MAXIMUM":
                return [columns.greatest(*pair) for pair in self._pairs(step)]
            case operation if operation in _PAIRED:
                return [columns.write(_PAIRED[operation], *pair) for pair in self._pairs(step)]
            case operation:
                raise NotInSql(f"The operation {operation} of a network cannot be written as SQL.")

    def _weighted(self, step: Step) -> Tensor:
        """Sums of products; those with a weight of 0, most of them where pieces are cut, are left out."""
        source, kernel, *bias_of = step.inputs
        columns, read, weights = self._columns, self._read(source), self._graph.constants[kernel]
        biases = self._graph.constants[bias_of[0]] if bias_of else np.zeros(len(weights))
        vectors = columns.dialect.vectors if _is_dense(weights) else None
        made: Tensor = []
        for row, bias in zip(weights, biases, strict=True):
            if vectors is None:
                products = [
                    columns.write("{} * {}", read[place], columns.constant(row[place])) for place in np.flatnonzero(row)
                ]
            else:
                vector = columns.vector(vectors, f"{self._prefix}_vector_{source}", read)
                products = [columns.inner_product(vectors, vector, row)]
            made.append(columns.total([columns.constant(bias), *products]))
        return made

    def _logistic(self, logit: Number) -> Number:
        return self._columns.write("(1 / (1 + {}))", self._power(self._columns.write("(0 - {})", logit)))

    def _softmax(self, step: Step) -> Tensor:
        """Relative to the largest, so that no power is above 1."""
        logits = self._read(step.inputs[0])
        largest = self._columns.greatest(*logits)
        powers = [self._power(self._columns.write("({} - {})", one, largest)) for one in logits]
        named = [
            self._columns.add(f"{self._prefix}_power_{step.output}_{place}", one) for place, one in enumerate(powers)
        ]
        total = self._columns.add(f"{self._prefix}_total_{step.output}", self._columns.total(named))
        return [self._columns.write("({} / {})", one, total) for one in named]

    def _power(self, exponent: Number) -> Number:
        columns = self._columns
        limits = columns.constant(-_LARGEST_EXPONENT), columns.constant(_LARGEST_EXPONENT)
        return columns.write("EXP({})", columns.least(columns.greatest(exponent, limits[0]), limits[1]))

    def _pairs(self, step: Step) -> list[tuple[Number, Number]]:
        first, second = self._read(step.inputs[0]), self._read(step.inputs[1])
        width = max(len(first), len(second))
        return list(zip(*(one * width if len(one) == 1 else one for one in (first, second)), strict=True))

    def _read(self, tensor: int) -> Tensor:
        """What a step made, or a constant with a value for each column or one for all."""
        if tensor in self._tensors:
            return self._tensors[tensor]
        return [self._columns.constant(value) for value in self._graph.constants[tensor].ravel()]
