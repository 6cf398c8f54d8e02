"""The warehouse as a viewer sees it who may not see every customer or every value.

The restriction is part of the relations themselves: `features` is `SELECT … FROM view WHERE <scope>`, and tables with a
customer id have only the rows of customers in scope. So whatever is asked of them, nothing else can be answered.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules import RuleError, compile_rule
from loyalty_core.rules.relative_dates import is_relative
from loyalty_core.warehouse.columns import (
    describe,
    personal_columns,
    read_catalog,
    without_small_groups,
    without_values,
)
from loyalty_core.warehouse.connection import Relation, Warehouse
from loyalty_core.warehouse.customers.ids import same_id
from loyalty_core.warehouse.predictions import CUSTOMER_ID, finished, is_finished
from loyalty_core.warehouse.refusals import GroupsOnly, GroupTooSmall, NeedsEveryCustomer, ScopeUnusable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import pyarrow as pa

    from loyalty_core.access import Scope
    from loyalty_core.warehouse.columns import Catalog
    from loyalty_core.warehouse.connection import Row
    from loyalty_core.warehouse.identity import DataIdentity
    from loyalty_core.warehouse.restriction import Restriction

IN_SCOPE = "customers_in_scope"


class RestrictedWarehouse(Warehouse):
    """A warehouse's customers in scope, with personal values masked; shares its connections.

    Every read raises `ScopeUnusable` where the rule of the scope can no longer be used. Where small groups are hidden,
    it raises `GroupsOnly`, whatever is asked, but for what is asked of `unguarded`.
    """

    def __init__(self, whole: Warehouse, restriction: Restriction, *, masks: bool = True, guards: bool = True) -> None:
        super().__init__(whole.settings)
        self._whole = whole
        self._restriction = restriction
        self._masks = masks and restriction.hides_personal_data
        self._guards = guards and restriction.smallest_group > 0
        self._seen: tuple[sa.Table, Relation] | None = None
        self._predictions_seen: tuple[Any, sa.FromClause] | None = None
        parts = [*([restriction.scope.key] if restriction.scope else []), *(["masked"] if self._masks else [])]
        self._fingerprint_end = "".join(f":{part}" for part in parts)

    @property
    def whole(self) -> Warehouse:
        """The warehouse without the restriction."""
        return self._whole

    @property
    def unmasked(self) -> RestrictedWarehouse:
        """The same customers with every value, for models, which need the values that the viewer may not see."""
        if not self._masks:
            return self
        return RestrictedWarehouse(self._whole, self._restriction, masks=False, guards=self._guards)

    @property
    def smallest_group(self) -> int:
        """The size from which groups of customers are shown."""
        return self._restriction.smallest_group

    @property
    def unguarded(self) -> RestrictedWarehouse:
        """The same without the guard that hides small groups."""
        if not self._guards:
            return self
        return RestrictedWarehouse(self._whole, self._restriction, masks=self._masks, guards=False)

    def require_rows(self) -> None:
        """Raise `GroupsOnly` where small groups are hidden."""
        if self._guards:
            raise GroupsOnly(self.smallest_group)

    def require_group(self, customers: int, base: int) -> None:
        """Raise `GroupTooSmall` for a group that is hidden, or whose complement is: each follows from the other."""
        if self.smallest_group and not self.smallest_group <= customers <= base - self.smallest_group:
            raise GroupTooSmall(self.smallest_group)

    def rows(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a statement."""
        self.require_rows()
        return super().rows(statement, values)

    def stream_arrow(
        self, select: sa.Select, batch_rows: int = 65_536, *, exact: bool = False
    ) -> Generator[pa.RecordBatch]:
        """The result as record batches."""
        self.require_rows()
        return super().stream_arrow(select, batch_rows, exact=exact)

    @property
    def has_scope(self) -> bool:
        """Whether the viewer sees a part of the customers only."""
        return self._restriction.scope is not None

    def require_every_customer(self, what: str) -> None:
        """Raise `NeedsEveryCustomer` where the viewer sees a part of the customers only."""
        if self.has_scope:
            raise NeedsEveryCustomer(
                f"{what} are about all customers, of whom you see a part.",
                remedy="Ask somebody who may see all customers.",
            )

    @property
    def with_personal_data(self) -> RestrictedWarehouse:
        """The same customers without anything hidden, for counting segments that others have saved."""
        return RestrictedWarehouse(self._whole, replace(self._restriction, hides_personal_data=False))

    @property
    def hidden(self) -> frozenset[str]:
        """Names of the columns of the features view whose values the viewer may not see."""
        return self._hidden_in(self._whole.features)

    @property
    def masked(self) -> frozenset[str]:
        """Those of them that are masked in `features`."""
        return self.hidden if self._masks else frozenset()

    @property
    def revision(self) -> int:
        """That of the whole warehouse."""
        return self._whole.revision

    @property
    def cache_key(self) -> str:
        """The restriction and the revision."""
        return f"{self._restriction.key}:{self.revision}"

    @property
    def fingerprint(self) -> str:
        """That of the whole warehouse, with the restriction where there is one on its rows or values."""
        return f"{self._whole.fingerprint}{self._fingerprint_end}"

    @property
    def identity(self) -> DataIdentity:
        """That of the whole warehouse: the data is the same."""
        return self._whole.identity

    @property
    def engine(self) -> sa.Engine:
        """The pool of the whole warehouse."""
        return self._whole.engine

    @property
    def features(self) -> Relation:
        """The features view, only the customers in scope."""
        return self._see()[1]

    def _see(self) -> tuple[sa.Table, Relation]:
        """One reading of the view, and what of it may be seen."""
        view, revision, seen = self._whole._reflected(), self.revision, self._seen
        if seen is not None and seen[0] is view and self._revision == revision:
            return seen
        with self._lock:
            if self._seen is None or self._seen[0] is not view:
                self._seen = view, self._restricted(view)
            if self._revision != revision:
                self._revision, self._catalog = revision, None
            return self._seen

    @property
    def predictions(self) -> sa.FromClause | None:
        """The last run's predictions of the customers in scope; the same object while neither has changed."""
        found = self._whole.predictions
        if found is None or self._restriction.scope is None:
            return found
        state = found, self._see()[1], self.revision
        known = self._predictions_seen
        if known is None or known[0] != state:
            seen = self.in_scope(found)
            known = self._predictions_seen = state, finished(seen) if is_finished(found) else seen
        return known[1]

    def in_scope(self, relation: sa.FromClause) -> sa.FromClause:
        """The rows of customers in scope."""
        if self._restriction.scope is None:
            return relation
        name = f"{getattr(relation, 'name', 'rows')}_in_scope"
        return sa.select(*relation.c).where(self._is_in_scope(relation.c[CUSTOMER_ID])).subquery(name)

    def table(self, name: str) -> Relation:
        """The table without personal data; with the customers' id column, only rows of customers in scope."""
        table = self._whole._reflect(name)
        hidden = self._hidden_in(table) if self._masks else frozenset[str]()
        wanted = self.settings.dwh_customer_id_column.casefold()
        identifier = next((column for column in table.columns if column.name.casefold() == wanted), None)
        conditions = [] if identifier is None or self._restriction.scope is None else [self._is_in_scope(identifier)]
        if not hidden and not conditions:
            return table
        return sa.select(*without_values(table, hidden)).where(*conditions).subquery(f"{table.name}_in_scope")

    def forget(self) -> None:
        """Forget what is known of the view, so that it is read again."""
        self._whole.forget()

    def close(self) -> None:
        """Nothing: the connections are those of the whole warehouse."""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection from the pool of the whole warehouse."""
        with self._whole.reading() as connection:
            yield connection

    def _restricted(self, view: sa.Table) -> Relation:
        hidden = self._hidden_in(view) if self._masks else frozenset[str]()
        seen = sa.select(*without_values(view, hidden))
        scope = self._restriction.scope
        return (seen.where(_condition(scope, view, self)) if scope else seen).subquery(IN_SCOPE)

    def _is_in_scope(self, identifier: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Whether a customer id of another relation belongs to a customer in scope."""
        features = self.features
        inside = features.c[self.settings.dwh_customer_id_column]
        return sa.exists().where(same_id(inside, identifier)).correlate_except(features)

    def _hidden_in(self, relation: sa.FromClause) -> frozenset[str]:
        if not self._restriction.hides_personal_data:
            return frozenset()
        return personal_columns(relation.columns, self.settings.dwh_customer_id_column, self.settings)

    def _read_catalog(self) -> Catalog:
        view, seen = self._see()
        described, masked = describe(view), self.masked
        shown = [column for column in described if column.name not in masked]
        unreadable = view.info["unreadable"]
        rows = self.unguarded.rows
        catalog = read_catalog(rows, seen, self.dialect, described=shown, unreadable=unreadable)
        if self._guards:
            catalog = without_small_groups(catalog, self.smallest_group)
        known = {column.name: column for column in catalog.columns}
        columns = (known.get(column.name) or replace(column, is_masked=True) for column in described)
        return replace(catalog, columns=tuple(columns))

    def _forget_if_reshaped(self) -> None:
        self._whole._forget_if_reshaped()


def check_scope(warehouse: Warehouse, scope: Scope) -> None:
    """Raise `ScopeUnusable` where the rule of a scope cannot be used with the columns of the features view."""
    _condition(scope, warehouse.whole.features, warehouse)


def _condition(scope: Scope, view: sa.FromClause, warehouse: Warehouse) -> sa.ColumnElement[bool]:
    """The rule of a scope over the columns of the features view, whatever the viewer's own rules are."""
    try:
        rule = json.loads(scope.rule)
        if not isinstance(rule, dict) or not rule:
            raise _unusable("It has no condition.")
        if is_relative(rule):
            raise _unusable("It counts days from today, so that the customers in it would change by themselves.")
        return compile_rule(rule, describe(view), zone=warehouse.settings.zone).to_sql(view, where=True)
    except ValueError:
        raise _unusable("It is not JSON.") from None
    except RuleError as error:
        raise _unusable(str(error)) from error


def _unusable(why: str) -> ScopeUnusable:
    return ScopeUnusable(
        "The rule that limits which customers you may see cannot be used, so none are shown.",
        why,
        "Ask an admin to correct the scope of your role.",
    )
