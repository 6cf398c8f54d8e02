"""A trained network as SQL in DuckDB, against LiteRT over Arrow: `python -m benchmarks.network_in_sql`.

The network of a `.tflite` file is arithmetic, so it can be written as one SELECT: each tensor becomes a column of a
nested query, as an array with DuckDB's inner products, or as plain additions and multiplications, which every database
has. The answers are compared with LiteRT's; times are processor time of one thread, medians over the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from loyalty_core.ml.litert.model import TfliteModel

CUSTOMERS = 50_000
ROUNDS = 3
_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


@dataclass(frozen=True)
class Step:
    """One operation of the network: the tensors it reads, the one it makes, and whether negative results become 0."""

    operation: str
    inputs: tuple[int, ...]
    output: int
    is_rectified: bool


@dataclass(frozen=True)
class Graph:
    """The steps in order, and the tensors that are constants."""

    steps: tuple[Step, ...]
    constants: dict[int, np.ndarray]
    first: int
    last: int

    @classmethod
    def read(cls, content: bytes) -> "Graph":
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        graph = model.subgraphs[0]
        constants = {
            number: np.frombuffer(bytes(data), np.float32).reshape([int(size) for size in tensor.shape])
            for number, tensor in enumerate(graph.tensors)
            if (data := model.buffers[tensor.buffer].data) is not None and tensor.type == schema.TensorType.FLOAT32
        }
        steps = tuple(_step(model, operator) for operator in graph.operators)
        return cls(steps, constants, int(graph.inputs[0]), int(graph.outputs[0]))


def _step(model: Any, operator: Any) -> Step:
    code = model.operatorCodes[operator.opcodeIndex]
    name = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    activation = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    inputs = tuple(int(tensor) for tensor in operator.inputs if tensor >= 0)
    return Step(name, inputs, int(operator.outputs[0]), activation == schema.ActivationFunctionType.RELU)


Values = list[str]


def as_sql(graph: Graph, columns: Sequence[str], *, arrays: bool) -> str:
    """One SELECT with the first output; the columns are those of the table `customers`, scaled."""
    query, values = "SELECT * FROM customers", {graph.first: list(columns)}
    for step in graph.steps:
        made = list(_expressions(step, graph, values, arrays=arrays))
        if arrays:
            query = f"SELECT *, [{', '.join(made)}]::FLOAT[{len(made)}] AS t{step.output} FROM ({query})"
            values[step.output] = [f"t{step.output}[{number + 1}]" for number in range(len(made))]
        elif step.operation == "CONCATENATION":
            values[step.output] = made
        else:
            names = [f"t{step.output}_{number}" for number in range(len(made))]
            query = f"SELECT *, {', '.join(map(' AS '.join, zip(made, names, strict=True)))} FROM ({query})"
            values[step.output] = names
    return f"SELECT {values[graph.last][0]} AS score FROM ({query})"


def _expressions(step: Step, graph: Graph, values: dict[int, Values], *, arrays: bool) -> Iterator[str]:
    """What computes each value of the step's output."""
    read = values[step.inputs[0]]
    match step.operation:
        case "CONCATENATION":
            yield from (value for tensor in step.inputs for value in values[tensor])
        case "FULLY_CONNECTED":
            weights = graph.constants[step.inputs[1]]
            biases = graph.constants[step.inputs[2]] if len(step.inputs) > 2 else np.zeros(len(weights))
            for row, bias in zip(weights, biases, strict=True):
                array = f"t{step.inputs[0]}" if arrays and step.inputs[0] != graph.first else None
                total = f"{_weighted_sum(read, row, array)} + {_number(bias)}"
                yield f"greatest({total}, 0::FLOAT)" if step.is_rectified else total
        case "RELU":
            yield from (f"greatest({value}, 0::FLOAT)" for value in read)
        case "LOGISTIC":
            yield from (f"1 / (1 + exp(-{value}))" for value in read)
        case operation:
            constant = graph.constants.get(step.inputs[1])
            beside = values[step.inputs[1]] if constant is None else _numbers(constant, len(read))
            written = {"ADD": "{} + {}", "MUL": "{} * {}", "MINIMUM": "least({}, {})", "MAXIMUM": "greatest({}, {})"}
            yield from (written[operation].format(*pair) for pair in zip(read, beside, strict=True))


def _weighted_sum(read: Values, weights: np.ndarray, array: str | None) -> str:
    """The inner product with the array; without one, or for two values at most, the products that are not zero."""
    used = np.flatnonzero(weights)
    if array and len(used) > 2:
        return f"array_inner_product({array}, [{', '.join(_numbers(weights, len(weights)))}]::FLOAT[{len(weights)}])"
    return " + ".join([f"{read[place]} * {_number(weights[place])}" for place in used]) or "0::FLOAT"


def _numbers(constant: np.ndarray, count: int) -> Values:
    return [_number(value) for value in np.broadcast_to(constant.ravel(), count)]


def _number(value: float) -> str:
    return f"({float(value):.9g})::FLOAT"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network_in_sql")
    parser.add_argument("model", type=Path, nargs="?", default=Path("models/churn.tflite"), help="a trained network")
    content = parser.parse_args().model.read_bytes()
    network, graph = TfliteModel(content), Graph.read(content)
    columns = [f"x{number}" for number in range(network.width)]
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    made = ", ".join(f"(hash(i * {2 * n + 1}) % 4000 / 1000 - 2)::FLOAT AS {name}" for n, name in enumerate(columns))
    connection.execute(f"CREATE TABLE customers AS SELECT {made} FROM range({CUSTOMERS}) AS s(i)")

    def over_arrow() -> np.ndarray:
        table = connection.execute("FROM customers").to_arrow_table()
        return network.predict(np.column_stack([table.column(name).to_numpy() for name in columns]))[:, 0]

    def in_sql(*, arrays: bool) -> Callable[[], np.ndarray]:
        query = as_sql(graph, columns, arrays=arrays)
        return lambda: connection.execute(query).fetchnumpy()["score"]

    show(
        {
            "LiteRT over Arrow": over_arrow,
            "SQL, inner products of arrays": in_sql(arrays=True),
            "SQL, plain arithmetic": in_sql(arrays=False),
        }
    )


def show(candidates: dict[str, Callable[[], np.ndarray]]) -> None:
    """Print a table; the first line is the baseline, whose answers are the right ones."""
    print(f"\nScores of {CUSTOMERS:,} customers by one network, one thread")
    expected, baseline = next(iter(candidates.values()))(), 0.0
    for name, candidate in candidates.items():
        difference = float(np.abs(candidate() - expected).max())
        seconds = statistics.median(_processor_seconds(candidate) for _ in range(ROUNDS))
        baseline = baseline or seconds
        each = 1e6 * seconds / CUSTOMERS
        print(f"  {name:<34} {each:>8.2f} µs a customer {seconds / baseline:>8.1f} ×   differs by {difference:.1g}")


def _processor_seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
