"""Where the viewer is on the Segments screen, as part of the address, so that a link shows a colleague the same."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from loyalty_core.rules import RuleError
from loyalty_core.ui.query_parameters import set_parameter
from loyalty_core.ui.segments.editor.json_lines import read_rule

SEGMENT = "segment"
EDIT = "edit"
RULE = "rule"
VERSION = "version"
CUSTOMER = "customer"
# Servers and proxies cut longer addresses off.
_LONGEST_RULE = 4_000
# A rule has at most 64 KiB of text and 100,000 list members; more would be no rule.
_LARGEST_JSON = 4_000_000


@dataclass(frozen=True)
class Address:
    """The list, one segment, or the editor for a segment or a new one, perhaps with a rule not saved yet.

    `version` is the one of the segment that the rule was made from. `is_damaged` says that there was a rule and that
    it cannot be read.
    """

    segment_id: str | None
    is_editing: bool
    rule: Any = None
    is_damaged: bool = False
    version: int | None = None


def current() -> Address:
    """What the address asks for; a rule that cannot be read is left out."""
    parameters = st.query_params
    rule = decode_rule(parameters.get(RULE, ""))
    is_damaged = rule is None and bool(parameters.get(RULE))
    return Address(parameters.get(SEGMENT), EDIT in parameters, rule, is_damaged, _version_in(parameters))


def open_list() -> None:
    """Go to all segments."""
    _go()


def open_segment(segment_id: str) -> None:
    """Go to one segment."""
    _go(**{SEGMENT: segment_id})


def open_editor(segment_id: str | None = None) -> None:
    """Go to the editor; without an id, for a new segment."""
    _go(**({SEGMENT: segment_id} if segment_id else {}), **{EDIT: "1"})


def write_rule(rule: Any | None, version: int | None = None) -> bool:
    """Put a rule that is not saved into the address, or None; returns whether it fits there.

    The version of the segment that it was made from goes along, so that it survives a refresh of the browser.
    """
    encoded = encode_rule(rule) if rule is not None else ""
    fits = len(encoded) <= _LONGEST_RULE
    is_shown = bool(encoded) and fits
    set_parameter(RULE, encoded if is_shown else "")
    set_parameter(VERSION, str(version) if is_shown and version is not None else "")
    return fits


def encoded_rule() -> str:
    """The rule as it is encoded in the address, "" without one."""
    return st.query_params.get(RULE, "")


def encode_rule(rule: Any) -> str:
    """A rule as a short text for an address."""
    packed = zlib.compress(json.dumps(rule, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_rule(word: str) -> Any | None:
    """The rule that `encode_rule` encoded; None for any other text."""
    try:
        packed = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
        reader = zlib.decompressobj()
        text = reader.decompress(packed, _LARGEST_JSON)
        return read_rule(text.decode()) if reader.eof else None
    except (ValueError, zlib.error, RuleError):
        return None


def _version_in(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get(VERSION, "")
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) else None


def _go(**parameters: str) -> None:
    st.query_params.from_dict(parameters)
    st.rerun()
