"""Numbers computed from numbers: SELECTs over each other, in which everything is computed once for a row.

A network written as one expression would repeat each hidden unit wherever it is read, and grow with every layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loyalty_core.warehouse.dialects import Dialect, Vectors


@dataclass(frozen=True)
class Number:
    """SQL for a double that is never NULL, and the columns that it reads."""

    sql: str
    reads: frozenset[str] = frozenset()


class ComputedColumns:
    """Columns, each in the lowest SELECT in which everything that it reads is there."""

    def __init__(self, dialect: Dialect, given: Iterable[str]) -> None:
        self.dialect = dialect
        self._level_of = dict.fromkeys(given, 0)
        self._levels: list[dict[str, Number]] = [{}]
        self._floor = 0

    def write(self, form: str, *operands: Number) -> Number:
        """A number from others: their SQL takes the places in `form`."""
        return Number(form.format(*(one.sql for one in operands)), self._reads(operands))

    def constant(self, value: float) -> Number:
        """A literal, exact to the last digit."""
        return Number(self.dialect.double_literal(float(value)))

    def least(self, *numbers: Number) -> Number:
        """The smallest of them."""
        return Number(self.dialect.least(*(one.sql for one in numbers)), self._reads(numbers))

    def greatest(self, *numbers: Number) -> Number:
        """The largest of them."""
        return Number(self.dialect.greatest(*(one.sql for one in numbers)), self._reads(numbers))

    def total(self, numbers: Sequence[Number]) -> Number:
        """The sum, added in pairs: databases limit how deeply brackets may be nested."""
        if len(numbers) == 1:
            return numbers[0]
        half = len(numbers) // 2
        return self.write("({} + {})", self.total(numbers[:half]), self.total(numbers[half:]))

    def vector(self, vectors: Vectors, name: str, numbers: Sequence[Number]) -> Number:
        """A column with all of them, for inner products."""
        if name in self._level_of:
            return Number(name, frozenset({name}))
        return self.add(name, Number(vectors.vector([one.sql for one in numbers]), self._reads(numbers)))

    def inner_product(self, vectors: Vectors, vector: Number, weights: Iterable[float]) -> Number:
        """The sum of the products of the numbers in a `vector` with weights."""
        return Number(vectors.inner_product(vector.sql, [f"{weight:.9g}" for weight in weights]), vector.reads)

    def add(self, name: str, number: Number) -> Number:
        """Compute the number in a column of that name, and give the column."""
        level = max([self._floor, *(self._level_of[read] for read in number.reads)]) + 1
        if level == len(self._levels):
            self._levels.append({})
        self._levels[level][name] = number
        self._level_of[name] = level
        return Number(name, frozenset({name}))

    def begin_above(self) -> None:
        """Put all further columns above those that are there, so that no SELECT has too many of them."""
        self._floor = len(self._levels) - 1

    def select_from(self, given: sa.Select, results: Iterable[str]) -> sa.FromClause:
        """The columns named in `results`, as a relation; `given` is the SELECT with the columns given."""
        needed, by_level = frozenset(results), []
        for level in reversed(self._levels[1:]):
            carried = needed - level.keys()
            computed = {name: number for name, number in level.items() if name in needed}
            by_level.append((sorted(carried), computed))
            needed = carried.union(*(number.reads for number in computed.values()))
        relation = self.dialect.computed_once(given, "level_0")
        for depth, (carried, computed) in enumerate(reversed(by_level), start=1):
            columns = [
                *(relation.c[name] for name in carried),
                *(sa.literal_column(one.sql, sa.Double()).label(name) for name, one in computed.items()),
            ]
            relation = self.dialect.computed_once(sa.select(*columns).select_from(relation), f"level_{depth}")
        return relation

    def _reads(self, numbers: Iterable[Number]) -> frozenset[str]:
        return frozenset().union(*(one.reads for one in numbers))
