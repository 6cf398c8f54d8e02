"""Random rules and tables with blanks, odd types, odd values and odd names, the same for the same seed."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    import random

    from loyalty_core.rules.tree import Kind

TODAY = date(2026, 3, 1)
IDS = [uuid.UUID(int=n * 7919) for n in range(1, 6)]


@dataclass(frozen=True)
class TestColumn:
    __test__ = False
    name: str
    kind: Kind
    type: Any
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        return self.name.capitalize()


BIG = 2**53
TEXTS = (
    "",
    "a",
    "B",
    "Oslo",
    "OSLO",
    "Ås",
    "ålesund",
    "1%",
    "100%",
    "a_b",
    "x'y\"z",
    "日本",
    "😀 emoji",
    "\\",
    "10",
    " a ",
)
DAYS = (
    *tuple(TODAY + timedelta(days=n) for n in (-400, -31, -30, -29, -1, 0, 1, 7, 8)),
    date(1970, 1, 1),
    date(2999, 12, 31),
)
TIMES = tuple(
    datetime(2026, 2, 28, 23, 0) + timedelta(hours=hours, microseconds=micro)
    for hours in (-800, -24, -1, 0, 1, 24, 200)
    for micro in (0, 1, -1)
)
COLUMNS = (
    TestColumn("small int", "number", sa.SmallInteger(), (-3, -1, 0, 1, 2, 5, 10, 32767)),
    TestColumn("select", "number", sa.Integer(), (-5, 0, 1, 2, 3, 9, 10, 2**31 - 1)),
    TestColumn('big"int', "number", sa.BigInteger(), (0, 1, 7, BIG - 1, BIG, BIG + 1, 2**63 - 1, -(2**63))),
    TestColumn(
        "double:%s",
        "number",
        sa.Double(),
        (0.0, -0.0, 0.1, 0.3, 0.5, 1.0, -2.5, 1e-300, 1e300, float(BIG), math.nan, math.inf),
    ),
    TestColumn("real%", "number", sa.REAL(), (0.0, 0.5, 1.5, -2.25, 3.0, math.nan)),
    TestColumn(
        "decimal.x",
        "number",
        sa.Numeric(12, 2),
        tuple(map(Decimal, ("0.00", "0.10", "0.30", "1.00", "10.00", "-2.50", "9999999999.99"))),
    ),
    TestColumn("Ünï 💥", "boolean", sa.Boolean(), (True, False)),
    TestColumn("flag", "boolean", sa.Boolean(), (True, False)),
    TestColumn("it's text", "text", sa.Text(), TEXTS),
    TestColumn("other text", "text", sa.String(40), TEXTS),
    TestColumn("day", "date", sa.Date(), DAYS),
    TestColumn("other day", "date", sa.Date(), DAYS),
    TestColumn("moment", "datetime", sa.DateTime(), TIMES),
    TestColumn("other moment", "datetime", sa.DateTime(), TIMES),
    TestColumn("x" * 60, "number", sa.Integer(), (0, 1, 2)),
)
ZONED = TestColumn("moment zoned", "datetime", sa.DateTime(timezone=True), tuple(t.replace(tzinfo=UTC) for t in TIMES))
UUIDS = TestColumn("uuid", "text", sa.Uuid(), tuple(IDS))
NUMBERS: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    5,
    10,
    0.1,
    0.3,
    0.5,
    1.5,
    -2.5,
    0.30000000000000004,
    BIG,
    BIG + 1,
    2**63 - 1,
    2**63,
    2**70,
    1e300,
    1e-300,
    99999999999999999999.5,
    1e17,
    "1",
    " 0.5 ",
    10.0,
)


def columns_of(dialect: str) -> tuple[TestColumn, ...]:
    """SQLite has no zones, no UUIDs and no NaN; Spark has no UUIDs."""
    if dialect == "sqlite":
        return COLUMNS
    return (*COLUMNS, ZONED) if dialect == "spark" else (*COLUMNS, ZONED, UUIDS)


def table_of(dialect: str) -> sa.Table:
    columns = [sa.Column(column.name, column.type) for column in columns_of(dialect)]
    name = "odd_table" if dialect == "spark" else "odd table"  # the only letters that its catalog takes
    return sa.Table(name, sa.MetaData(), sa.Column("id", sa.Integer), *columns)


def rows_of(dialect: str, number: int, rng: random.Random) -> list[dict[str, Any]]:
    def value(column: TestColumn) -> Any:
        chosen = None if rng.random() < 0.15 else rng.choice(column.values)
        return None if dialect == "sqlite" and isinstance(chosen, float) and not math.isfinite(chosen) else chosen

    return [{"id": n} | {column.name: value(column) for column in columns_of(dialect)} for n in range(number)]


class RuleMaker:
    """Makes sound rules over `columns`."""

    def __init__(self, columns: tuple[TestColumn, ...], rng: random.Random) -> None:
        self._columns = columns
        self._rng = rng

    def rule(self, levels: int = 3) -> Any:
        choose = self._rng.random()
        if levels == 0 or choose < 0.35:
            return self.leaf(levels)
        if choose < 0.75:
            return {self._rng.choice(("and", "or")): [self.rule(levels - 1) for _ in range(self._rng.randint(1, 4))]}
        if choose < 0.9:
            return {self._rng.choice(("!", "!", "!!")): [self.rule(levels - 1)]}
        if choose < 0.95:
            return {"if": [self.rule(levels - 1) for _ in range(self._rng.randint(2, 5))]}
        return {self._rng.choice(("==", "!=")): [self.rule_call(levels - 1), self.rule_call(levels - 1)]}

    def rule_call(self, levels: int) -> Any:
        """A rule whose outermost operator is a condition, for comparing conditions with one another."""
        return {"!!": [self.rule(levels)]}

    def leaf(self, levels: int) -> Any:
        makers = [self.number, self.number, self.text, self.text, self.date, self.date, self.boolean, self.blank]
        return self._rng.choice([*makers, self.quantified])() if levels else self._rng.choice(makers)()

    def column(self, *kinds: Kind) -> TestColumn:
        return self._rng.choice([column for column in self._columns if column.kind in kinds])

    def var(self, *kinds: Kind) -> Any:
        return {"var": self.column(*kinds).name}

    def number(self) -> Any:
        rng, kind = self._rng, self._rng.random()
        if kind < 0.4:
            pair = [self.var("number"), rng.choice(NUMBERS)]
            return {rng.choice(("<", "<=", ">", ">=", "==", "!=", "===")): pair if rng.random() < 0.7 else pair[::-1]}
        if kind < 0.55:
            column = self.var("number")
            return {rng.choice(("<", "<=")): [rng.choice(NUMBERS), column, rng.choice(NUMBERS)]}
        if kind < 0.7:
            members = rng.sample([*NUMBERS, None, "x", True], rng.randint(1, 6))
            return {"in": [self.var("number"), [0, *members]]}
        if kind < 0.85:
            return {rng.choice(("<", ">=", "==", "!=")): [self.var("number"), self.var("number")]}
        if kind < 0.9:
            return {"in": [self.calculation(2), [0, 1, 2.5, *([None] if rng.random() < 0.5 else [])]]}
        right = self.calculation(1) if rng.random() < 0.5 else rng.choice(NUMBERS)
        return {rng.choice(("<", "<=", ">", "==")): [self.calculation(2), right]}

    def calculation(self, levels: int) -> Any:
        rng = self._rng
        if levels == 0 or rng.random() < 0.2:
            return self.var("number") if rng.random() < 0.7 else rng.choice((0, 1, 2, 0.5, 0.1, -3))
        name = rng.choice(("+", "-", "*", "/", "%", "min", "max", "if", "var"))
        match name:
            case "if":
                return {"if": [self.leaf(0), self.calculation(levels - 1), self.calculation(levels - 1)]}
            case "var":
                return {"var": [self.column("number").name, rng.choice((0, 1, 0.5))]}
            case "-" if rng.random() < 0.3:
                return {"-": [self.var("number")]}
            case _:
                count = 2 if name in {"-", "/", "%"} else rng.randint(1, 3)
                return {name: [self.calculation(levels - 1) for _ in range(count)]}

    def text(self) -> Any:
        rng, kind, word = self._rng, self._rng.random(), self._rng.choice(TEXTS)
        column = self.var("text")
        if kind < 0.3:
            return {rng.choice(("<", "<=", ">", ">=", "==", "!=")): [column, word]}
        if kind < 0.45:
            return {"in": [column, ["a", *rng.sample([*TEXTS, None, 10], rng.randint(1, 6))]]}
        if kind < 0.6:
            return {"in": [word, column]}
        if kind < 0.7:
            return {"==": [{"substr": [column, 0, len(word)]}, word]}
        if kind < 0.78:
            return {"==": [{"substr": [column, -len(word)]}, word]}
        if kind < 0.85:
            bounds = [rng.randint(-3, 3), *([rng.randint(-3, 3)] if rng.random() < 0.6 else [])]
            return {rng.choice(("==", "<", "!=")): [{"substr": [column, *bounds]}, word]}
        if kind < 0.92:
            return {rng.choice(("==", "<", "in")): [self.var("text"), self.var("text")]}
        return {
            rng.choice(("==", "in", "!=")): [
                word,
                {"cat": [self.var("text"), rng.choice(("-", 1, "")), self.var("text")]},
            ]
        }

    def date(self) -> Any:
        rng, kind = self._rng, self._rng.random()
        column = self.var("date", "datetime")
        if kind < 0.5:
            return {rng.choice(("<", "<=", ">", ">=", "==", "!=")): [column, self.day()]}
        if kind < 0.7:
            return {"<=": [self.day(), column, self.day()]}
        if kind < 0.85:
            same: Kind = rng.choice(("date", "datetime"))
            return {rng.choice(("<", "<=", "==", "!=")): [self.var(same), self.var(same)]}
        return {"in": [column, [self.day_text() for _ in range(3)]]}

    def day(self) -> Any:
        return {"today": self._rng.choice((-31, -30, -1, 0, 1, 7))} if self._rng.random() < 0.4 else self.day_text()

    def day_text(self) -> str:
        if self._rng.random() < 0.7:
            return self._rng.choice(DAYS).isoformat()
        return self._rng.choice(TIMES).isoformat() + self._rng.choice(("", "Z", "+02:00"))

    def boolean(self) -> Any:
        column = self.var("boolean")
        if self._rng.random() < 0.2:
            return {self._rng.choice(("==", "!=")): [column, self.var("boolean")]}
        if self._rng.random() < 0.2:
            return {"==": [column, {">": [self.var("number"), 1]}]}
        return (
            {self._rng.choice(("==", "!=")): [column, self._rng.choice((True, False, 1, 0, "true"))]}
            if (self._rng.random() < 0.7)
            else column
        )

    def blank(self) -> Any:
        rng, column = self._rng, self._rng.choice(self._columns)
        if rng.random() < 0.5:
            return {rng.choice(("==", "!=")): [{"var": column.name}, None]}
        if rng.random() < 0.4:
            return {"var": self.column("number", "text", "boolean").name}
        names = [column.name for column in rng.sample(self._columns, 3)]
        return {"missing": names} if rng.random() < 0.5 else {"missing_some": [rng.randint(1, 4), names]}

    def quantified(self) -> Any:
        rng = self._rng
        members = [self.var("number") for _ in range(rng.randint(1, 3))]
        return {
            rng.choice(("some", "all", "none")): [
                members,
                {rng.choice(("<", ">", "==")): [{"var": ""}, rng.choice(NUMBERS)]},
            ]
        }


class DemoRules(RuleMaker):
    """Random rules over the demo, with values that are found in it and conditions on segments."""

    def number(self) -> Any:
        column = self.column("number")
        value = self._rng.choice(column.values)
        choose = self._rng.random()
        if choose < 0.3:
            return super().number()
        if choose < 0.5:
            return {"in": [{"var": column.name}, [value, *self._rng.sample(column.values, 2)]]}
        return {self._rng.choice(("<", "<=", ">", ">=", "==", "!=")): [{"var": column.name}, value]}

    def text(self) -> Any:
        column = self.column("text")
        if self._rng.random() < 0.3:
            return super().text()
        value = self._rng.choice(column.values)
        return {self._rng.choice(("==", "!=", "<", ">=")): [{"var": column.name}, value]}

    def date(self) -> Any:
        column = self.column("date")
        days = [self._rng.choice(column.values).isoformat() for _ in range(2)]
        if self._rng.random() < 0.5:
            return {"<=": [min(days), {"var": column.name}, max(days)]}
        return {self._rng.choice(("<", ">=", "==", "!=")): [{"var": column.name}, days[0]]}

    def boolean(self) -> Any:
        return {self._rng.choice(("==", "!=")): [self.var("boolean"), self._rng.choice((True, False))]}
