"""The commands to run next, as they work from the folder that the user is in."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import duckdb

from loyalty_core.files import workbench_file
from loyalty_core.loading.mapping_file import SETTINGS_FILE, is_configured
from loyalty_core.loading.report import HISTORIES, VIEW
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Role, column_for

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\b|FLOAT|DOUBLE|DECIMAL")
_RFM_ROLES: tuple[Role, ...] = ("recency", "transactions", "revenue")


def next_steps(out: Path) -> list[str]:
    """Lines for the terminal after a file was loaded into the warehouse `out`: train and score, then look at it."""
    with duckdb.connect(out, read_only=True) as connection:
        found = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        view = connection.table(VIEW)
        columns = [
            Column(name, "number" if _NUMBER.match(str(kind)) else "other", "", "")
            for name, kind in zip(view.columns, view.types, strict=True)
        ]
    start = f"  {_setting(out)}{start_command()}"
    if not found.isdisjoint(HISTORIES):
        return [_heading(), f"  {_setting(out)}{loyalty_command()} train --score", start]
    settings = Settings()
    has_rfm = all(column_for(role, columns, settings) for role in _RFM_ROLES)
    score = [f"  {_setting(out)}{loyalty_command()} score"] if has_rfm else []
    rfm = "by RFM alone" if has_rfm else "neither by a model nor by RFM"
    return [
        f"Without a history that models can learn from, customers can be scored {rfm}.",
        _heading(),
        *score,
        start,
    ]


def start_step(out: Path) -> str:
    """The line for the terminal after a demo was made in `out`; the app's start trains the models of a demo."""
    return f"{_heading()} {_setting(out)}{start_command()}"


def loyalty_command() -> str:
    """How to call `loyalty` of this environment: by its name where that is found, else by its path."""
    program = Path(sys.executable).with_name("loyalty")
    if not program.exists() or ((found := shutil.which("loyalty")) and Path(found).resolve() == program.resolve()):
        return "loyalty"
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


def start_command() -> str:
    """How to start the app from this folder."""
    return "make run" if Path("Makefile").is_file() and Path("serve.py").is_file() else f"{loyalty_command()} run"


def _heading() -> str:
    return "Next:" if _works_here() else f"Next, in the workbench's folder, with the settings of {SETTINGS_FILE} here:"


def _works_here() -> bool:
    """Whether the commands find what they run, which a package that was installed without its folder does not."""
    return workbench_file("serve.py").is_file()


def _setting(out: Path) -> str:
    """What names the warehouse for a command where the settings do not."""
    return (
        ""
        if _works_here() and is_configured(out, Settings())
        else f"DWH_URL={shlex.quote(f'duckdb:///{out.resolve()}')} "
    )
