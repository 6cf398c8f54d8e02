"""The Access and Audit pages: a key is shown once, what locks people out is asked first, and what is listed."""

import csv
import io
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from loyalty_core.access import Action, Role, Scope, Viewer, acting_as, process_acts_as, terminal_viewer
from loyalty_core.services import services_of_process
from loyalty_core.store import audit
from loyalty_core.ui.navigation import ACCESS, AUDIT, SEGMENTS
from tests.fixtures.screens import OpenScreen, plain

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN = Viewer("admin@example.com", frozenset({"admin"}), place="127.0.0.1")
pytestmark = pytest.mark.usefixtures("demo_settings", "admin")


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screens of an admin whose address is known, which AppTest does not give."""
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: ADMIN)


def test_a_new_key_is_listed_and_shown_once(open_screen: OpenScreen):
    app = open_screen(ACCESS, view="API keys")
    app.text_input[0].set_value("CRM sync")
    app.multiselect[0].set_value(["viewer"])
    app.button[0].click().run()
    [secret] = [block.value for block in app.code]
    assert secret.startswith("lw_")
    assert list(app.dataframe[0].value["Name"]) == ["CRM sync"]
    app.run()
    assert not app.code


def test_a_key_without_a_role_is_refused_with_what_to_do(open_screen: OpenScreen):
    app = open_screen(ACCESS, view="API keys")
    app.text_input[0].set_value("CRM sync")
    app.button[0].click().run()
    assert "choose a role" in app.error[0].value


def test_roles_show_what_they_allow_and_whether_they_show_all_customers(open_screen: OpenScreen):
    with process_acts_as(terminal_viewer()):
        for name in ("north", "south"):  # with one title
            scope = Scope.of({"==": [{"var": "region"}, name]})
            services_of_process().roles.save(Role(name, "Analyst", frozenset({Action.VIEW}), scope))
    table = open_screen(ACCESS, view="Roles").dataframe[0].value.set_index("Permission")
    assert table.loc["Customers", ["analyst", "north", "south"]].to_list() == ["All", "Some", "Some"]
    assert table.loc["Export customers", ["analyst", "north"]].to_list() == ["✓", ""]


@pytest.mark.parametrize("rule", ["{}", '{"==": [{"var": "churn_probability"}, 1]}', '{"==": [1'])
def test_a_role_whose_scope_could_not_be_used_is_not_saved(open_screen: OpenScreen, rule: str):
    app = open_screen(ACCESS, view="Roles")
    app.text_input[0].set_value("north")
    app.text_input[1].set_value("North")
    app.text_area[0].set_value(rule)
    next(button for button in app.button if button.label.startswith("Save")).click().run()
    assert "The rule for customers" in app.error[0].value
    assert "north" not in services_of_process().roles.all()


def test_people_are_listed_with_their_status(open_screen: OpenScreen):
    with process_acts_as(terminal_viewer()):
        people = services_of_process().people
        people.grant("anna@example.com", "admin")
        people.set_roles(people.grant("bo@example.com", "viewer").id, [])
        people.set_active(people.grant("cy@example.com", "viewer").id, active=False)
    app = open_screen(ACCESS)
    assert list(app.dataframe[0].value["Status"]) == ["Invited", "Waiting for a role", "Deactivated"]
    assert "Waiting for a role: bo" in plain(app.warning[0].value)


def test_audit_details_are_written_for_people(open_screen: OpenScreen):
    with process_acts_as(terminal_viewer()):
        services_of_process().api_keys.create("CRM sync", ["viewer"])
        services_of_process().people.grant("anna@example.com", "admin")
    app = open_screen(AUDIT)
    assert list(app.dataframe[0].value["Details"]) == ["roles: admin", "name: CRM sync; roles: viewer; days: none"]
    app.text_input(key="audit-subject").set_value("anna").run()
    assert list(app.dataframe[0].value["Subject"]) == ["person anna@example.com"]
    assert any(caption.value.startswith("1 event.") for caption in app.caption)


def test_the_file_of_the_audit_trail_runs_no_formula(open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    named = ["=1+1", "+1", "-1", "@SUM(A1)", "a=1"]
    with process_acts_as(terminal_viewer()), services_of_process().store.session() as session:
        for name in named:
            audit.record(session, action="created", subject_kind="segment", subject_id=name, details={"name": "Bodø"})
    files: list[Callable[[], bytes]] = []  # AppTest has no downloads
    monkeypatch.setattr(st, "download_button", lambda label, data, **_: files.append(data))
    open_screen(AUDIT).text_input(key="audit-subject").set_value("segment").run()
    with acting_as(ADMIN):
        rows = list(csv.DictReader(io.StringIO(files[-1]().decode())))
    assert [row["subject_id"] for row in reversed(rows)] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "a=1"]
    assert {(row["actor"], row["place"], row["action"], row["details"]) for row in rows} == {
        ("Local user (terminal)", "terminal", "created", '{"name": "Bodø"}')
    }
    with services_of_process().store.session(read_only=True) as session:
        (event, *_) = audit.recent(session)
    assert (event.actor, event.action, event.details) == ("admin@example.com", "exported", {"events": 5})


def button(app: AppTest, label: str) -> Button:
    return next(button for button in app.button if button.label == label)


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_what_roles_do_not_allow_is_disabled_and_says_why(
    open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch, role: str
):
    viewer = Viewer("anna@example.com", frozenset({role}), place="127.0.0.1")
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)
    app = open_screen(SEGMENTS)
    for label, action in (("New segment", Action.EDIT_SEGMENTS), ("Compute all", Action.SCORE)):
        said = button(app, label).help == f"Your roles do not allow you to {action.phrase}."
        assert said is (role == "viewer")
    assert button(app, "New segment").disabled is (role == "viewer")
