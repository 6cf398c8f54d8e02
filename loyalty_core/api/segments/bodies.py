"""What segment routes read: ids, rules and the content of a segment."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from loyalty_core.segments import SegmentDraft, SegmentNotFound

# Rules that hold for every customer.
_EVERYONE = ({}, [], None)
_ID = re.compile(r"[a-z0-9-]{1,100}")


def _possible_id(segment_id: str) -> str:
    """Reject impossible ids before querying a database; PostgreSQL, for example, does not accept NUL."""
    if not _ID.fullmatch(segment_id):
        raise SegmentNotFound(segment_id[:60])
    return segment_id


SegmentId = Annotated[str, AfterValidator(_possible_id)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
# Of a body, where a number is written as one; parameters of an address are texts.
ExactVersion = Annotated[Version, Field(strict=True)]


def _dynamic(value: bool | None) -> bool | None:
    if value is False:
        raise ValueError(
            "Members are always computed from the rule. For a fixed list of customers, "
            'use a rule such as {"in": [{"var": "customer_id"}, ["…", "…"]]}.'
        )
    return value


IsDynamic = Annotated[bool | None, AfterValidator(_dynamic)]


class NamedRule(BaseModel):
    """One of several rules; the name is not stored."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    rule: Any


class RuleBody(BaseModel):
    """A JSONLogic rule, where `{}` or null stands for everyone; or several rules, all of which must hold."""

    model_config = ConfigDict(extra="forbid")

    rule: Any = None
    rules: Annotated[list[NamedRule] | None, Field(max_length=100)] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.has_rule == (self.rules is not None):
            raise ValueError("Give either rule or rules.")
        return self

    @field_validator("rules")
    @classmethod
    def _not_empty(cls, rules: list[NamedRule] | None) -> list[NamedRule] | None:
        if rules == []:
            raise ValueError('There is no rule in the list. For all customers, send "rule": {}.')
        return rules

    @property
    def has_rule(self) -> bool:
        return "rule" in self.model_fields_set

    @property
    def whole_rule(self) -> Any:
        """The rule, or one that holds where all of the rules hold."""
        if self.rules is None:
            return self.rule
        conditions = [one.rule for one in self.rules if one.rule not in _EVERYONE]
        return {"and": conditions} if len(conditions) > 1 else next(iter(conditions), {})


class SegmentBody(RuleBody):
    """The content of a segment; one that is not active is archived."""

    name: str
    description: str = ""
    tags: list[str] = Field(default=[], max_length=100)
    is_active: bool | None = None
    is_dynamic: IsDynamic = None

    @property
    def draft(self) -> SegmentDraft:
        """The draft to save."""
        return SegmentDraft(self.name, self.whole_rule, self.description, tuple(self.tags))


class SegmentUpdate(SegmentBody):
    """The next version of a segment, based on `version`."""

    version: ExactVersion


class SegmentPatch(RuleBody):
    """The parts of a segment to change; with `version`, only if that is still the newest."""

    name: str = ""
    description: str = ""
    tags: list[str] = Field(default=[], max_length=100)
    is_active: bool | None = None
    is_dynamic: IsDynamic = None
    version: ExactVersion | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.has_rule and self.rules is not None:
            raise ValueError("Give either rule or rules.")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """The given parts by their names in a draft."""
        given = {name: getattr(self, name) for name in ("name", "description", "tags") if name in self.model_fields_set}
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        if self.has_rule or self.rules is not None:
            given["rule"] = self.whole_rule
        return given


class RestoreBody(BaseModel):
    """The version to restore."""

    model_config = ConfigDict(extra="forbid")

    version: ExactVersion
