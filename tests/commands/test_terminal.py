"""Commands where people sign in: they act as the terminal viewer, and the audit trail names them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from loyalty_core.access import NotSignedIn, current_viewer
from loyalty_core.commands.loyalty import app
from loyalty_core.demo import prepare
from loyalty_core.demo.generate import generate
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import services_of_process
from loyalty_core.settings import DEFAULT_WAREHOUSE
from loyalty_core.store import StateStore, audit
from tests.fixtures.warehouses import DuckDBFile
from tests.ml.bases import base, fill
from tests.ml.fixtures import bundle_parts, other_parts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Configure

WHO = ("Local user (terminal)", "terminal")


@pytest.fixture
def store(tmp_path: Path, configure: Configure) -> StateStore:
    """The state store of an app where people sign in, with a warehouse beside it."""
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(60))
    store = StateStore(f"sqlite:///{tmp_path / 'state.db'}")
    with closing(store):
        store.migrate()
    configure(
        sign_in="openid",
        dwh_url="duckdb:///warehouse.duckdb",
        models_dir="models",
        state_database_url="sqlite:///state.db",
    )
    return store


def run(*arguments: object) -> str:
    """What the command prints; it must succeed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def trail(store: StateStore) -> list[tuple[str, str, str]]:
    """What the commands did to which thing, oldest first; all of it by the terminal viewer."""
    with closing(store), store.session(read_only=True) as session:
        events = audit.recent(session)
    assert {(event.actor, event.place) for event in events} <= {WHO}
    return [(event.action, event.subject_kind, event.subject_id) for event in reversed(events)]


def test_scoring_computes_the_segments_too(store: StateStore, configure: Configure):
    configure(ml_mock_mode=True)
    assert "60 customers scored with mock predictions" in run("score")
    assert trail(store) == [("scored", "customers", "")]


def test_changes_of_the_models_that_answer(store: StateStore, tmp_path: Path):
    models = tmp_path / "models"
    first, second = (write_bundle(models, parts) for parts in (bundle_parts(), other_parts()))
    activate(models, first, "test")
    run("versions", "list")
    run("versions", "activate", second)
    run("versions", "test", first, "--share", "0.1")
    run("versions", "test", first, "--share", "0.2")
    run("versions", "stop-test")
    run("versions", "rollback")
    assert trail(store) == [
        ("activated", "model version", second),
        ("started an A/B test of", "model version", first),
        ("grew the A/B test of", "model version", first),
        ("stopped the A/B test of", "model version", first),
        ("rolled back to", "model version", first),
    ]


def test_data_that_is_loaded_or_simulated(store: StateStore, tmp_path: Path):
    (tmp_path / "customers.csv").write_text("id,left,points\na,yes,5\nb,no,6\n")
    run("load", "features", "customers.csv", "--id", "id", "--churn", "left", "--out", "own.duckdb")
    run("demo", "--customers", 50, "--out", "demo.duckdb")
    assert trail(store) == [("loaded", "warehouse", "own.duckdb"), ("simulated", "warehouse", "demo.duckdb")]


def test_backups_of_the_store(store: StateStore):
    run("store", "check")
    run("store", "backup", "one.db")
    assert trail(store) == [("backed up", "state store", "one.db")]
    run("store", "restore", "one.db")
    assert trail(store) == [("restored", "state store", "one.db")]  # the backup is older than its own event


def test_the_first_start(configure: Configure):
    configure(sign_in="openid", ml_mock_mode=True)
    generate(DEFAULT_WAREHOUSE, customers=200)
    assert prepare.main() == 0
    assert services_of_process().segments.names()


def test_a_command_does_not_fail_for_the_trail(store: StateStore, tmp_path: Path):
    (tmp_path / "state.db").write_bytes(b"no database" * 100)
    done = CliRunner().invoke(app, ["demo", "--customers", "50", "--out", "demo.duckdb"])
    assert done.exit_code == 0
    assert done.stderr.startswith("This is not in the audit trail: ")
    assert done.stderr.count("\n") == 1


def test_after_the_command_nobody_acts(store: StateStore):
    run("store", "check")
    with pytest.raises(NotSignedIn):
        current_viewer()
