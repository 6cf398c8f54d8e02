"""What a process loads, and who may import whom."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workbench import ROOT, clean_environment

pytestmark = pytest.mark.extended

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def modules_loaded_by(statement: str, folder: Path) -> set[str]:
    """Names of all modules that a fresh Python loads for the statement."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.strip() for name in re.findall(r"^import time:.*\|(.*)$", done.stderr, flags=re.MULTILINE)}


def test_the_app_runs_without_what_only_training_needs(tmp_path: Path):
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")  # the address to listen on
    screens = "from loyalty_core.ui import charts, customer, cached_reads, frame, navigation, predictions"
    loaded = modules_loaded_by(f"import serve, loyalty_core.api.application; {screens}", tmp_path)
    assert {"streamlit", "loyalty_core.api.application"} <= loaded
    assert not {name.partition(".")[0] for name in loaded} & {"tensorflow", "keras", "tf_keras", "lightgbm"}


def test_commands_start_without_streamlit(tmp_path: Path):
    loaded = modules_loaded_by("import loyalty_core.demo.first_start, loyalty_core.services", tmp_path)
    assert not [name for name in loaded if name.partition(".")[0] in {"streamlit", "tensorflow"}]


def test_a_job_does_not_wait_for_what_its_kind_does_not_need(tmp_path: Path):
    loaded = modules_loaded_by("import loyalty_core.work.run", tmp_path)
    costly = {"tensorflow", "keras", "sklearn", "scipy", "pandas", "sqlglot", "fastapi", "streamlit", "plotly"}
    only_where_set_up = {"requests", "redis", "structlog", "alembic"}
    only_for_names = {"rapidfuzz", "confusable_homoglyphs"}
    assert not {name.partition(".")[0] for name in loaded} & (costly | only_where_set_up | only_for_names)


def test_a_store_in_a_file_needs_no_driver_of_a_server(tmp_path: Path):
    opened = "StateStore('sqlite:///state.db').migrate()"
    loaded = modules_loaded_by(f"from loyalty_core.store import StateStore; {opened}", tmp_path)
    assert not loaded & {"psycopg", "loyalty_core.postgresql"}


def test_the_first_answer_does_not_wait_for_what_it_does_not_need(tmp_path: Path):
    shutil.copytree(ROOT / ".streamlit", tmp_path / ".streamlit")
    loaded = modules_loaded_by("import serve", tmp_path)
    assert not loaded & {"fastapi", "pyarrow", "duckdb", "alembic", "sqlglot", "loyalty_core.services"}
    loaded = modules_loaded_by("from loyalty_core.demo import prepare; prepare.get_settings()", tmp_path)
    assert not loaded & {"sqlalchemy", "loyalty_core.demo.first_start"}


def test_the_import_contracts_hold():
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False, env=clean_environment()
    )
    assert done.returncode == 0, done.stdout


def test_only_screens_import_streamlit():
    """The walls are drawn for loyalty_core; this one covers the scripts beside it as well."""
    allowed = {"app.py", "serve.py", *(f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py"))}
    scripts = [*ROOT.glob("*.py"), *(ROOT / "pages").glob("*.py"), *(ROOT / "loyalty_core").rglob("*.py")]
    users = {
        str(script.relative_to(ROOT))
        for script in scripts
        if re.search(r"^\s*(import|from) streamlit\b", script.read_text(), flags=re.MULTILINE)
    }
    assert {name for name in users if not name.startswith("loyalty_core/ui/")} <= allowed
