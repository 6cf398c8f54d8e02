"""Where texts of screens come from, read from the source: which of them reach Markdown without being escaped.

Only what is known to be harmless passes: literals, numbers, `escape(…)`, the formatters listed here, and texts made of
these, also through local names, constants, parameters and functions of `loyalty_core/ui`. Everything else is reported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.ui.source import (
    Function,
    Module,
    argument_of,
    bindings,
    is_harmless_type,
    parameters_of,
    returned_by,
    root_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Methods of Streamlit that show Markdown: the places and names of their arguments that do.
_LABEL = ((0,), ("label", "help"))
MARKDOWN: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    **dict.fromkeys(("markdown", "caption", "title", "header", "subheader"), ((0,), ("body", "help"))),
    **dict.fromkeys(("info", "warning", "error", "success", "toast"), ((0,), ("body",))),
    **dict.fromkeys(("write", "tabs"), ((0, 1, 2, 3), ("tabs",))),
    **dict.fromkeys(("spinner", "dialog"), ((0,), ("text", "title"))),
    **dict.fromkeys(("button", "link_button", "download_button", "menu_button", "popover", "expander"), _LABEL),
    **dict.fromkeys(("status", "checkbox", "toggle", "selectbox", "multiselect", "slider"), _LABEL),
    **dict.fromkeys(("text_input", "text_area", "number_input", "date_input", "file_uploader"), _LABEL),
    **dict.fromkeys(("radio", "pills", "segmented_control", "select_slider"), ((0,), ("label", "help", "format_func"))),
    "badge": ((0,), ("label", "help")),
    "metric": ((0, 1, 2), ("label", "value", "delta", "help")),
    "page_link": ((), ("label", "help")),
    "progress": ((1,), ("text",)),
}
# Their options are Markdown too.
_WITH_OPTIONS = {"radio", "pills", "segmented_control", "select_slider"}
# Not Streamlit's: elements of streamlit-elements, and the log.
_OTHER_RECEIVERS = {"html", "mui", "nivo", "editor", "_log"}
ESCAPING = {"escape", "escape_paragraphs"}
# The results of the first two are made of letters, digits and a few harmless signs; the third reads the documentation.
HARMLESS_FUNCTIONS = {"b64encode", "quote", "in_app"}
# Of loyalty_core.ui.formatting: numbers and dates, which contain nothing that Markdown reads.
HARMLESS_FORMATTERS = {
    "change", "compact", "count", "day", "decimal", "moment", "month", "number", "percent", "short_month", "signed",
    "significant", "time_zone",
}  # fmt: skip
_NUMBERS = {"len", "sum", "round", "int", "float", "abs", "bool"}
# Of a text or of a container of texts: their results consist of what they are given.
_OF_TEXTS = {
    "join", "strip", "lstrip", "rstrip", "removesuffix", "removeprefix", "lower", "upper", "capitalize", "replace",
    "get", "decode",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """A text that is one of the function's parameters: whether it is escaped is up to who calls the function."""

    function: str
    name: str


@dataclass(frozen=True)
class Unescaped:
    """A text of which nothing is known."""

    text: str


Origin = Parameter | Unescaped


class Flow:
    """Follows texts through the modules of `shown`, and constants through all of `files`, by the names of modules."""

    def __init__(self, files: dict[str, Path], shown: set[str]) -> None:
        self._files = files
        self._parsed: dict[str, Module] = {}
        self.modules = {name: self._module(name) for name in shown}
        self._following: set[object] = set()

    def _module(self, name: str) -> Module:
        if name not in self._parsed:
            file = self._files[name]
            self._parsed[name] = Module(name, file, ast.parse(file.read_text("utf-8")))
        return self._parsed[name]

    def unescaped(self) -> list[str]:
        """Every text that reaches Markdown and is not known to be harmless, as `file:line: source`."""
        found: dict[str, None] = {}
        pending = [
            (module, function, where, text)
            for module in self.modules.values()
            for function, where, text in self._shown(module)
        ]
        sinks: set[Parameter] = set()
        while pending:
            module, function, where, text = pending.pop()
            for origin in self.origins(text, module, function):
                if isinstance(origin, Unescaped):
                    found[f"{module.file.name}:{where.lineno}: {origin.text}"] = None
                elif origin not in sinks:
                    sinks.add(origin)
                    pending += self._passed(origin)
        return sorted(found)

    def _shown(self, module: Module) -> Iterator[tuple[Function | None, ast.Call, ast.expr]]:
        for function, call in module.calls:
            method = _method_of(call, function)
            if method is not None:
                named = {each.arg: each.value for each in call.keywords}
                places, names = MARKDOWN[method]
                if method in _WITH_OPTIONS and "format_func" not in named:
                    places, names = (*places, 1), (*names, "options")
                yield from ((function, call, call.args[place]) for place in places if place < len(call.args))
                yield from ((function, call, text) for name, text in named.items() if name in names)
            elif not isinstance(call.func, ast.Attribute) or root_of(call.func) not in _OTHER_RECEIVERS:
                # Also where a function of ours passes it on.
                yield from ((function, call, each.value) for each in call.keywords if each.arg == "help")

    def _passed(self, parameter: Parameter) -> Iterator[tuple[Module, Function | None, ast.Call, ast.expr]]:
        """What calls pass for the parameter."""
        home, _, name = parameter.function.rpartition(".")
        for module in self.modules.values():
            for function, call in module.calls:
                if self._called(call, module) == (home, name):
                    definition = self.modules[home].functions[name]
                    if (text := argument_of(definition, call, parameter.name)) is not None:
                        yield module, function, call, text

    def _called(self, call: ast.Call, module: Module) -> tuple[str, str] | None:
        match call.func:
            case ast.Name(id=name) if name in module.functions:
                return module.name, name
            case ast.Name(id=name) if name in module.imported:
                home, original = module.imported[name]
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in module.functions:
                return module.name, name
            case ast.Attribute(value=ast.Name(id=name), attr=original) if name in module.imported:
                home = ".".join(module.imported[name])
            case _:
                return None
        return (home, original) if home in self.modules and original in self.modules[home].functions else None

    def origins(self, text: ast.expr, module: Module, function: Function | None) -> set[Origin]:
        """What the text is made of, as far as that is not harmless."""

        def of(*parts: ast.expr | None) -> set[Origin]:
            return {origin for part in parts if part is not None for origin in self.origins(part, module, function)}

        match text:
            case ast.Attribute(attr="__getitem__"):
                return self._of_values(text.value, module, function)
            case ast.Subscript():
                return self._of_values(text.value, module, function)
            case ast.Constant() | ast.Compare() | ast.UnaryOp():
                return set()
            case ast.JoinedStr():
                return of(*text.values)
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[ast.Constant(value=str(spec))])) if (
                spec[-1] in ",dfg%"
            ):
                return set()
            case ast.FormattedValue() | ast.Starred() | ast.NamedExpr():
                return of(text.value)
            case ast.IfExp():
                return of(text.body, text.orelse)
            case ast.BoolOp():
                return of(*text.values)
            case ast.BinOp(op=ast.Mult(), left=ast.Constant(value=str())):
                return set()
            case ast.BinOp():
                return of(text.left, text.right)
            case ast.List() | ast.Tuple() | ast.Set():
                return of(*text.elts)
            case ast.Dict():
                return of(*text.keys, *text.values)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return of(text.elt)
            case ast.DictComp():
                return of(text.key, text.value)
            case ast.Lambda():
                return of(text.body)
            case ast.Call():
                return self._of_call(text, module, function)
            case ast.Name():
                return self._of_name(text, module, function)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in module.imported:
                found = self._constant(".".join(module.imported[name]), attribute)
                return self.origins(*found, None) if found else {Unescaped(ast.unparse(text))}
            case _:
                return {Unescaped(ast.unparse(text))}

    def _of_call(self, call: ast.Call, module: Module, function: Function | None) -> set[Origin]:
        match call.func:
            case ast.Name(id=name) if name in ESCAPING | HARMLESS_FUNCTIONS | _NUMBERS:
                return set()
            case ast.Name(id="list" | "sorted" | "reversed" | "tuple" | "iter"):
                return self._of_keys(call.args[0], module, function)
            case ast.Name(id="str" | "zip" | "min" | "max"):
                return {one for part in call.args for one in self.origins(part, module, function)}
            case ast.Attribute(value=ast.Name(id="formatting"), attr=name) if name in HARMLESS_FORMATTERS:
                return set()
            case ast.Attribute(value=receiver, attr=name) if name in _OF_TEXTS:
                return {one for part in (receiver, *call.args) for one in self.origins(part, module, function)}
            case ast.Attribute(value=receiver, attr="values"):
                return self._of_values(receiver, module, function)
            case ast.Attribute(value=receiver, attr="keys"):
                return self._of_keys(receiver, module, function)
            case ast.Attribute(value=receiver, attr="items"):
                return self.origins(receiver, module, function)
        called = self._called(call, module)
        if called is None:
            return {Unescaped(ast.unparse(call))}
        return self._of_returned(call, called, module, function)

    def _of_returned(
        self, call: ast.Call, called: tuple[str, str], module: Module, function: Function | None
    ) -> set[Origin]:
        home = self.modules[called[0]]
        definition = home.functions[called[1]]
        if called in self._following or is_harmless_type(definition.returns):
            return set()
        self._following.add(called)
        try:
            found = {origin for text in returned_by(definition) for origin in self.origins(text, home, definition)}
        finally:
            self._following.discard(called)
        own = f"{home.name}.{definition.name}"
        passed: set[Origin] = set()
        for origin in found:
            if isinstance(origin, Parameter) and origin.function == own:
                argument = argument_of(definition, call, origin.name)
                passed |= self.origins(argument, module, function) if argument is not None else set()
            else:
                passed.add(origin)
        return passed

    def _of_name(self, name: ast.Name, module: Module, function: Function | None) -> set[Origin]:
        if function is not None:
            assigned = [value for target, value in bindings(function) if target == name.id]
            if assigned:
                key = (module.name, function.name, name.id)
                if key in self._following:
                    return set()
                self._following.add(key)
                try:
                    return {one for value in assigned for one in self.origins(value, module, function)}
                finally:
                    self._following.discard(key)
            for argument in parameters_of(function):
                if argument.arg == name.id:
                    if is_harmless_type(argument.annotation):
                        return set()
                    return {Parameter(f"{module.name}.{function.name}", name.id)}
        if name.id in module.constants:
            return self.origins(module.constants[name.id], module, None)
        if name.id in module.functions:  # as format_func
            definition = module.functions[name.id]
            found = {one for text in returned_by(definition) for one in self.origins(text, module, definition)}
            return {Unescaped(ast.unparse(name)) if isinstance(one, Parameter) else one for one in found}
        if name.id in ESCAPING:  # as format_func
            return set()
        constant = self._constant(*module.imported.get(name.id, ("", "")))
        return self.origins(*constant, None) if constant is not None else {Unescaped(name.id)}

    def _constant(self, home: str, name: str) -> tuple[ast.expr, Module] | None:
        """An imported constant with the module that defines it."""
        if home not in self._files:
            return None
        module = self._module(home)
        if name in module.constants:
            return module.constants[name], module
        return self._constant(*module.imported[name]) if name in module.imported else None

    def _of_values(self, of: ast.expr, module: Module, function: Function | None) -> set[Origin]:
        return self._of_parts(of, module, function, lambda each: each.values)

    def _of_keys(self, of: ast.expr, module: Module, function: Function | None) -> set[Origin]:
        return self._of_parts(of, module, function, lambda each: each.keys)

    def _of_parts(
        self,
        of: ast.expr,
        module: Module,
        function: Function | None,
        parts: Callable[[ast.Dict], Sequence[ast.expr | None]],
    ) -> set[Origin]:
        """Of a dictionary its keys or values, of anything else the whole."""
        home = module
        if isinstance(of, ast.Name):
            local = [value for name, value in bindings(function) if name == of.id] if function else []
            constant = (
                (module.constants[of.id], module)
                if of.id in module.constants
                else self._constant(*module.imported.get(of.id, ("", "")))
            )
            if len(local) == 1:
                of = local[0]
            elif not local and constant:
                (of, home), function = constant, None
        if isinstance(of, ast.DictComp):
            of = ast.Dict([of.key], [of.value])
        if isinstance(of, ast.Dict) and None not in of.keys:
            return {one for part in parts(of) if part is not None for one in self.origins(part, home, function)}
        return self.origins(of, home, function)


def _method_of(call: ast.Call, function: Function | None) -> str | None:
    """The method of Streamlit that a call calls, where it shows Markdown; also under a local name."""
    called: list[ast.AST] = [call.func]
    if isinstance(call.func, ast.Name) and function is not None:
        called = [part for name, value in bindings(function) if name == call.func.id for part in ast.walk(value)]
    for each in called:
        if isinstance(each, ast.Attribute) and each.attr in MARKDOWN and root_of(each) not in _OTHER_RECEIVERS:
            is_text = isinstance(each.value, ast.Constant) or not (call.args or call.keywords)  # "…".title()
            return None if is_text else each.attr
    return None
