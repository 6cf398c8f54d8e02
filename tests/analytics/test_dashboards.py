"""Layouts of the dashboard: saved by viewer, whatever a browser sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.dashboards import CardPosition, DashboardLayouts, arrange, read_layout

if TYPE_CHECKING:
    from loyalty_core.store import StateStore

LEFT, RIGHT, BELOW = CardPosition(0, 0, 6, 5), CardPosition(6, 0, 6, 5), CardPosition(0, 5, 12, 4)


def test_layouts_are_stored_by_viewer(store: StateStore):
    layouts = DashboardLayouts(store)
    assert layouts.of("ann") == {}
    layouts.save("ann", {"a": LEFT, "b": RIGHT})
    layouts.save("bob", {"a": BELOW})
    assert DashboardLayouts(store).of("ann") == {"a": LEFT, "b": RIGHT}
    assert layouts.of("bob") == {"a": BELOW}


def test_a_later_layout_replaces_the_positions_that_it_contains(store: StateStore):
    layouts = DashboardLayouts(store)
    layouts.save("ann", {"a": LEFT, "gone for now": RIGHT})
    layouts.save("ann", {"a": BELOW})
    assert layouts.of("ann") == {"a": BELOW, "gone for now": RIGHT}


def test_a_layout_is_forgotten(store: StateStore):
    layouts = DashboardLayouts(store)
    layouts.save("ann", {"a": LEFT})
    layouts.save("bob", {"a": LEFT})
    layouts.reset("ann")
    layouts.reset("nobody")
    assert layouts.of("ann") == {}
    assert layouts.of("bob") == {"a": LEFT}


@pytest.mark.parametrize(
    "place",
    [
        None,
        [],
        "x",
        {"x": 0, "y": 0, "w": 6},
        {"x": "0", "y": 0, "w": 6, "h": 5},
        {"x": True, "y": 0, "w": 6, "h": 5},
        {"x": 0.5, "y": 0, "w": 6, "h": 5},
        {"x": -1, "y": 0, "w": 6, "h": 5},
        {"x": 7, "y": 0, "w": 6, "h": 5},
        {"x": 0, "y": 0, "w": 0, "h": 5},
        {"x": 0, "y": 0, "w": 6, "h": 10**9},
        {"x": 0, "y": 10**9, "w": 6, "h": 5},
    ],
)
def test_positions_where_no_card_fits(place: Any):
    right = {"x": 6, "y": 0, "w": 6, "h": 5}
    assert read_layout({"good": {**right, "moved": False}, "bad": place}) == {"good": RIGHT}


@pytest.mark.parametrize("content", [None, 3, [], "{}", {str(i): {"x": 0, "y": 0, "w": 1, "h": 1} for i in range(101)}])
def test_what_is_no_layout(content: Any):
    assert read_layout(content) == {}


def test_a_new_card_comes_below_what_the_viewer_arranged():
    first = {"a": LEFT, "new": RIGHT}
    assert arrange(first, first, {}) == first
    assert arrange(first, first, {"a": BELOW, "gone": LEFT}) == {"a": BELOW, "new": CardPosition(6, 9, 6, 5)}
