"""Segment rules in JSONLogic: parsed, bound to columns, and read as a row test, SQL, explanation and sentence."""

from loyalty_core.rules.builder import (
    BuilderCondition,
    BuilderGroup,
    ConditionOperator,
    from_builder,
    operators_for,
    to_builder,
)
from loyalty_core.rules.errors import Fault, RuleError
from loyalty_core.rules.explain import Change, Explanation
from loyalty_core.rules.json_logic import safe_json_logic
from loyalty_core.rules.rule import Rule, compile_rule
from loyalty_core.rules.sql.dialect import NotWritable
from loyalty_core.rules.tree import Kind, RuleColumn

__all__ = [
    "BuilderCondition",
    "BuilderGroup",
    "Change",
    "ConditionOperator",
    "Explanation",
    "Fault",
    "Kind",
    "NotWritable",
    "Rule",
    "RuleColumn",
    "RuleError",
    "compile_rule",
    "from_builder",
    "operators_for",
    "safe_json_logic",
    "to_builder",
]
