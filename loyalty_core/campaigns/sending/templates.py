"""Texts of messages as Liquid templates: checked when they are saved, rendered for one customer.

Values are inserted as they are, so a template in a customer's data is text like any other.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any

from liquid import BoundTemplate, Environment, Undefined
from liquid.exceptions import LiquidError

from loyalty_core.campaigns.errors import BadTemplate
from loyalty_core.names import nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

UNSUBSCRIBE_URL, PREFERENCES_URL = "unsubscribe_url", "preferences_url"
OFFER_VALUES = ("id", "name", "description")
CAMPAIGN_VALUES = ("name",)
# Characters of a text, once rendered.
MAX_TEXT = 100_000

_missing: ContextVar[list[str] | None] = ContextVar("missing_values", default=None)


class _Blank(Undefined):
    """A value that the customer does not have: rendered as nothing, and noted unless a `default` replaces it."""

    __slots__ = ()
    force_liquid_default = True

    def __str__(self) -> str:
        self.note()
        return ""

    def note(self) -> None:
        """Add the name to those that the text which is being rendered lacks."""
        noted = _missing.get()
        if noted is not None:
            noted.append((self.hint or self.name).removesuffix(" is undefined"))


class _Environment(Environment):
    """Liquid with limits, which stop a template that would take the time or the memory of the process."""

    loop_iteration_limit = 10_000
    output_stream_limit = MAX_TEXT
    local_namespace_limit = MAX_TEXT
    context_depth_limit = 10
    block_nesting_limit = 20


def _noting(apply: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, which notes a blank that it is applied to: arithmetic would take it for 0."""

    @wraps(apply)
    def noting(value: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(value, _Blank):
            value.note()
        return apply(value, *arguments, **options)

    return noting


_environment = _Environment(undefined=_Blank)
_environment.filters.update({name: _noting(apply) for name, apply in _environment.filters.items() if name != "default"})


@dataclass(frozen=True)
class Rendered:
    """A text, and the names of the values that it needed and the customer does not have."""

    text: str
    missing: tuple[str, ...]


def faults_of(template: str, columns: Collection[str]) -> list[str]:
    """What is wrong with a template for customers with these columns, in sentences; empty for a usable one."""
    try:
        found = _parsed(template).analyze(include_partials=False)
    except LiquidError as error:
        return [f"The template cannot be read: {_first_line(error)}."]
    refused = [f"The tag {tag} cannot be used." for tag in found.tags if tag in {"include", "render"}]
    refused += [f"There is no filter {name}." for name in found.filters if name not in _environment.filters]
    paths = (variable.segments for variables in found.globals.values() for variable in variables)
    return [*refused, *dict.fromkeys(fault for path in paths if (fault := _fault(path, columns)))]


def require_usable(templates: Iterable[str], columns: Collection[str]) -> None:
    """Raise `BadTemplate` with everything that is wrong with any of the templates."""
    faults = list(dict.fromkeys(fault for template in templates for fault in faults_of(template, columns)))
    if faults:
        raise BadTemplate("The text cannot be used as it is.", " ".join(faults), "Correct the template.")


def names_in(template: str) -> frozenset[str]:
    """The variables that a template reads, such as `unsubscribe_url` and `customer`. Raises `BadTemplate`."""
    try:
        return frozenset(_parsed(template).analyze(include_partials=False).globals)
    except LiquidError as error:
        raise _bad(error) from error


def render(template: str, values: Mapping[str, Any]) -> Rendered:
    """The text for one customer. Raises `BadTemplate`, also where a limit is exceeded."""
    noted: list[str] = []
    token = _missing.set(noted)
    try:
        return Rendered(_parsed(template).render(**values), tuple(dict.fromkeys(noted)))
    except LiquidError as error:
        raise _bad(error) from error
    finally:
        _missing.reset(token)


@lru_cache(maxsize=256)
def _parsed(template: str) -> BoundTemplate:
    return _environment.from_string(template)


def _bad(error: LiquidError) -> BadTemplate:
    return BadTemplate("The text could not be rendered.", f"{_first_line(error)}.", "Correct the template.")


def _first_line(error: LiquidError) -> str:
    return str(error).partition("\n")[0].strip().rstrip(".")


def _fault(path: Any, columns: Collection[str]) -> str:
    """What is wrong with a variable, given as its names from the outside in; "" if nothing is."""
    attributes: dict[Any, Collection[str]] = {
        "customer": columns,
        "offer": OFFER_VALUES,
        "campaign": CAMPAIGN_VALUES,
        UNSUBSCRIBE_URL: (),
        PREFERENCES_URL: (),
    }
    root, *rest = path
    if root not in attributes:
        return _unknown(root, attributes, "")
    known = attributes[root]
    if not known:
        return f"{root} has no parts." if rest else ""
    if len(rest) != 1 or not isinstance(rest[0], str):
        return f"Write one value of {root}, such as {{{{ {root}.{next(iter(known))} }}}}."
    return "" if rest[0] in known else _unknown(rest[0], known, f"{root}.")


def _unknown(name: Any, known: Iterable[str], prefix: str) -> str:
    near = nearest_names(str(name), known)
    return f"There is no {prefix}{name}." + (f" Did you mean {prefix}{near[0]}?" if near else "")
