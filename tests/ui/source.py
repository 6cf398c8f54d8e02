"""A module's source as a tree: its functions, constants, imports, calls, and which names have which values."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Function = ast.FunctionDef
_HARMLESS_TYPES = {"int", "float", "bool", "date", "datetime"}


@dataclass
class Module:
    """A module of the user interface."""

    name: str
    file: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def calls(self) -> list[tuple[Function | None, ast.Call]]:
        """Every call with the function that it is in."""
        return list(_calls_in(self.tree))

    @cached_property
    def functions(self) -> dict[str, Function]:
        return {node.name: node for node in ast.walk(self.tree) if isinstance(node, Function)}

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    found |= dict(assigned(target, node.value))
            elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
                found[node.target.id] = node.value
        return found

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        return {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }


def _calls_in(tree: ast.AST, function: Function | None = None) -> Iterator[tuple[Function | None, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield function, node
        yield from _calls_in(node, node if isinstance(node, Function) else function)


def root_of(attribute: ast.Attribute) -> str:
    value = attribute.value
    while isinstance(value, ast.Attribute):
        value = value.value
    return value.id if isinstance(value, ast.Name) else ""


def assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target:
        case ast.Name():
            yield target.id, value
        case ast.Tuple(elts=[first, second]) if (receiver := items_of(value)) is not None:
            yield from assigned(first, ast.Call(ast.Attribute(receiver, "keys"), [], []))
            yield from assigned(second, ast.Call(ast.Attribute(receiver, "values"), [], []))
        case ast.Tuple(elts=parts):
            yield from _unpacked(parts, value)
        case ast.Starred():
            yield from assigned(target.value, value)


def items_of(value: ast.expr) -> ast.expr | None:
    """The dictionary whose items a value is."""
    match value:
        case ast.Call(func=ast.Attribute(value=receiver, attr="items")):
            return receiver
    return None


def _unpacked(parts: list[ast.expr], value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match value:
        case ast.Call(func=ast.Name(id="zip"), args=each) if len(each) == len(parts):
            values = each
        case ast.Call(func=ast.Name(id="enumerate"), args=[each, *_]) if len(parts) == 2:
            values = [ast.Constant(0), each]
        case _OneOf():
            for each in value.elts:
                yield from _unpacked(parts, each)
            return
        case ast.Tuple(elts=each) if len(each) == len(parts):
            values = each
        case _:
            values = [value] * len(parts)
    for part, each in zip(parts, values, strict=True):
        yield from assigned(part, each)


@cache
def bindings(function: Function) -> list[tuple[str, ast.expr]]:
    """Every name that the function gives a value, with that value, or with what it is one of."""
    return list(_found_bindings(function))


def _found_bindings(function: Function) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        match node:
            case ast.Assign():
                for target in node.targets:
                    yield from assigned(target, node.value)
            case ast.AugAssign() | ast.NamedExpr():
                yield from assigned(node.target, node.value)
            case ast.AnnAssign() if node.value is not None:
                yield from assigned(node.target, node.value)
            case ast.For() | ast.comprehension():
                yield from assigned(node.target, elements_of(node.iter))


class _OneOf(ast.Tuple):
    """What a loop goes through, one by one."""


def elements_of(iterated: ast.expr) -> ast.expr:
    """What a loop goes through: of a dictionary, its keys."""
    if isinstance(iterated, ast.Tuple | ast.List):
        return _OneOf(iterated.elts)
    return ast.Call(ast.Name("list"), [iterated], []) if isinstance(iterated, ast.Name) else iterated


def returned_by(function: Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value


def parameters_of(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def argument_of(function: Function, call: ast.Call, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    if names and names[0] == "self":
        names = names[1:]
    place = names.index(name) if name in names else len(call.args)
    return call.args[place] if place < len(call.args) else None


def is_harmless_type(annotation: ast.expr | None) -> bool:
    return annotation is not None and {
        part.strip() for part in ast.unparse(annotation).split("|")
    } <= _HARMLESS_TYPES | {"None"}
