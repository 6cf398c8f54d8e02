"""The documentation agrees with itself and with the code: links, pictures, operators, metrics, errors and commands."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from loyalty_core.access.actions import ROLES, Action
from loyalty_core.commands.loyalty import app
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.rules.operators import OPERATORS
from tests.workbench import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
# Its links are within the page and made by the code, which is tested in tests/api/test_reference.py.
GENERATED = DOCS / "api-reference.md"
PAGES = [*sorted(set(DOCS.glob("*.md")) - {GENERATED}), *sorted(ROOT.glob("*.md"))]
LARGEST_PICTURE = 150_000


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def text_of(file: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def links_of(file: Path) -> list[str]:
    """The targets of links and pictures that are not on another host."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(file))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@cache
def anchors_of(file: Path) -> frozenset[str]:
    """What GitHub makes of the headings."""
    anchors: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", text_of(file), flags=re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        anchors[name] = anchors.get(name, -1) + 1
    return frozenset(f"{name}-{n}" if n else name for name, times in anchors.items() for n in range(times + 1))


@cache
def source() -> str:
    """All code of the product."""
    return "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "loyalty_core").rglob("*.py")))


def first_cells(file: Path) -> set[str]:
    """The names written as code in the first column of the page's tables."""
    rows = re.findall(r"^\| ([^|]+) \|", file.read_text("utf-8"), flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links_of(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / unquote(name)).resolve() if name else page
        assert file.exists(), f"{target}: there is no {name}"
        assert file.is_relative_to(ROOT), f"{target} is outside the repository"
        if anchor and file != GENERATED:
            assert anchor in anchors_of(file), f"{target}: no heading of {relative(file)} has this anchor"


def test_the_index_leads_to_every_page() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in links_of(DOCS / "README.md")}
    assert {page for page in DOCS.glob("*.md") if page.name != "README.md"} <= linked


def test_every_picture_is_shown_and_small() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in links_of(page) if target.endswith(".png")}
    pictures = set((DOCS / "pictures").glob("*.png"))
    assert pictures == shown
    assert not [picture.name for picture in pictures if picture.stat().st_size > LARGEST_PICTURE]


def test_the_rule_language_has_every_operator() -> None:
    assert set(OPERATORS) <= first_cells(DOCS / "rules.md")


def test_operations_has_every_metric() -> None:
    registered = re.findall(r"\b(Counter|Histogram|Gauge\w*)\(\s*\"(loyalty_\w+)\"", source())
    named = {name + ("_total" if kind == "Counter" else "") for kind, name in registered}
    assert named
    assert {name for name in first_cells(DOCS / "operations.md") if name.startswith("loyalty_")} == named


def test_the_picture_of_the_architecture_has_every_package() -> None:
    """Every layer of the import contracts, and of the models."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = " ".join(layer for contract in contracts for layer in contract.get("layers", ()))
    drawn = re.findall(r"^[│┌├].*", (DOCS / "architecture.md").read_text("utf-8"), flags=re.MULTILINE)
    shown = set(re.findall(r"\w+", " ".join(drawn)))
    packages = set(re.findall(r"\w+", layers))
    assert {"campaigns", "segments", "tasks"} <= packages
    assert packages <= shown


def test_the_state_store_has_every_table() -> None:
    tables = set(re.findall(r"^    __tablename__ = \"(\w+)\"", source(), flags=re.MULTILINE))
    assert len(tables) > 20
    assert tables <= first_cells(DOCS / "state-store.md")


def test_the_page_about_access_has_every_action_and_role() -> None:
    rows = [line for line in text_of(DOCS / "access.md").splitlines() if line.startswith("| `")]
    for action in Action:
        allowed = " | ".join("yes" if action in role.actions else "" for role in ROLES.values())
        assert f"| `{action}` | {action.phrase} | {allowed} |" in rows


def test_the_page_about_jobs_has_every_kind() -> None:
    assert set(KINDS) <= first_cells(DOCS / "jobs.md")


def test_troubleshooting_has_every_error() -> None:
    codes = set(re.findall(r"^    code = \"(\w+)\"", source(), flags=re.MULTILINE))
    assert len(codes) > 50
    assert codes - {"error"} <= first_cells(DOCS / "troubleshooting.md")


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)", text)) | set(re.findall(r"^make ([\w-]+)", text, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m ((?:loyalty_core|benchmarks|docs)[\w.]*\w)", text))
    files = {module: ROOT / module.replace(".", "/") for module in modules}
    assert [m for m, file in files.items() if not (file.with_suffix(".py").exists() or file.is_dir())] == []
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    used = set(re.findall(r"`(?:\.venv/bin/)?loyalty ([a-z][\w-]*)", text))
    used |= set(re.findall(r"^(?:\.venv/bin/)?loyalty ([a-z][\w-]*)", text, re.MULTILINE))
    assert used <= commands
