"""The operators that rules may use."""

from dataclasses import dataclass

UNLIMITED = 10**9


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's name and how many arguments it takes."""

    name: str
    least: int
    most: int = UNLIMITED
    # The least where a rule is evaluated as in JavaScript, which takes missing arguments and ignores further ones.
    loose_least: int | None = None

    @property
    def loose(self) -> tuple[int, int]:
        """How few and how many arguments `safe_json_logic` takes."""
        return (self.least if self.loose_least is None else self.loose_least), UNLIMITED

    @property
    def counts(self) -> str:
        """How many arguments it takes, in words."""
        if self.least == self.most:
            return f"{self.least} argument{'s' if self.least != 1 else ''}"
        if self.most == UNLIMITED:
            return f"{self.least} or more arguments"
        return f"{self.least} to {self.most} arguments"


OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("and", 1),
        Operator("or", 1),
        Operator("!", 1, 1, loose_least=0),
        Operator("!!", 1, 1, loose_least=0),
        Operator("if", 0),
        Operator("?:", 0),
        Operator("==", 2, 2, loose_least=1),
        Operator("===", 2, 2, loose_least=1),
        Operator("!=", 2, 2, loose_least=1),
        Operator("!==", 2, 2, loose_least=1),
        Operator("<", 2, 3, loose_least=1),
        Operator("<=", 2, 3, loose_least=1),
        Operator(">", 2, 2, loose_least=1),
        Operator(">=", 2, 2, loose_least=1),
        Operator("in", 2, 2, loose_least=1),
        Operator("cat", 0),
        Operator("substr", 2, 3, loose_least=1),
        Operator("+", 1, loose_least=0),
        Operator("*", 1),
        Operator("-", 1, 2),
        Operator("/", 2, 2, loose_least=1),
        Operator("%", 2, 2, loose_least=1),
        Operator("min", 1),
        Operator("max", 1),
        Operator("var", 0, 2),
        Operator("missing", 0),
        Operator("missing_some", 2, 2),
        Operator("some", 2, 2),
        Operator("all", 2, 2),
        Operator("none", 2, 2),
        Operator("filter", 2, 2),
        Operator("map", 2, 2),
        Operator("reduce", 3, 3, loose_least=2),
        Operator("merge", 0),
        Operator("today", 0, 1),
    )
}

CONDITIONS = frozenset({"and", "or", "!", "!!", "==", "===", "!=", "!==", "<", "<=", ">", ">=", "in"}) | {
    "some",
    "all",
    "none",
}
OVER_LISTS = frozenset({"some", "all", "none", "filter", "map", "reduce"})
READS_DATA = frozenset({"var", "missing", "missing_some"})
