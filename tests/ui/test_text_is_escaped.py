"""No text reaches Markdown without being escaped: the source of every screen is followed from Streamlit's calls back.

What this cannot see are cells of tables and what streamlit-elements and Plotly draw: test_hostile_names.py, here and in
tests/browser, draws those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.markdown_flow import Flow
from tests.workbench import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def modules_below(root: Path) -> dict[str, Path]:
    files = {file.relative_to(root).with_suffix(""): file for file in root.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): file for name, file in files.items()}


def test_texts_on_screens_are_escaped():
    core = {f"loyalty_core.{name}": file for name, file in modules_below(ROOT / "loyalty_core").items()}
    pages = {f"pages.{name}": file for name, file in modules_below(ROOT / "pages").items()}
    screens = {name for name in core if name.startswith("loyalty_core.ui.")} | {"app", *pages}
    found = Flow({**core, **pages, "app": ROOT / "app.py"}, screens).unescaped()
    assert found == [], "\n".join(["Use loyalty_core.ui.text.escape, or ui.formatting for numbers:", *found])


def unescaped(tmp_path: Path, **sources: str) -> list[str]:
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    found = Flow({name: tmp_path / f"{name}.py" for name in sources}, set(sources)).unescaped()
    return [line.partition(": ")[2] for line in found]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("st.markdown(name)", ["name"]),
        ("st.markdown(f'**{offer.name}**')", ["offer.name"]),
        ("st.markdown('Hello ' + names[0])", ["names"]),
        ("st.metric('Offers', 1, help=row.name)", ["row.name"]),
        ("st.columns(2)[0].caption(str(row.name))", ["row.name"]),
        ("st.radio('Which?', [row.name])", ["row.name"]),
        ("st.radio('Which?', ids, format_func=lambda one: names[one])", ["names"]),
        ("st.tabs([row.name for row in rows])", ["row.name"]),
        ("table_columns.share_bar(help=row.name)", ["row.name"]),
        ("def f():\n show = st.info if x else st.error\n show(row.name)", ["row.name"]),
        ("def f(name):\n st.title(name)\nf(row.name)", ["row.name"]),
        ("def f(a, *, name):\n g(name)\ndef g(b):\n st.title(f'{b}!')\nf(1, name=row.name)", ["row.name"]),
        ("def f():\n return row.name\nst.info(f())", ["row.name"]),
        ("def f():\n text = 'a'\n if x:\n  text = row.name\n st.info(text)", ["row.name"]),
        ("names = {'a': row.name}\ndef f():\n for key, name in names.items():\n  st.info(name)", ["row.name"]),
        ("st.markdown(formatting.money(1))", ["formatting.money(1)"]),
    ],
)
def test_what_is_not_escaped_is_found(tmp_path: Path, source: str, found: list[str]):
    assert unescaped(tmp_path, screen=source) == found


@pytest.mark.parametrize(
    "source",
    [
        "st.markdown('**Hello**')",
        "st.markdown(escape(row.name))",
        "st.markdown(f'**{escape(row.name)}**: {formatting.count(row.customers)}, {row.share:.1f}')",
        "st.selectbox('Which?', names, format_func=lambda one: names[one])",  # its options are no Markdown
        "st.radio('Which?', ids, format_func=escape)",
        "html.button(row.name)\n_log.error(row.name)\nrow.name.title()",
        "WORDS = {'a': 'An a'}\nst.info(WORDS[row.name])",
        "WORDS = {'a': row.name}\nst.tabs(list(WORDS))",
        "def f(share: float, text: str):\n st.info(f'{share} {text}')\nf(row.share, 'a')",
        "def f(text):\n return f'{text}!'\nst.info(f(escape(row.name)))",
        "def f():\n for icon, name in zip(ICONS, names):\n  st.info(icon)\nICONS = ('a', 'b')",
    ],
)
def test_what_is_harmless_is_not_found(tmp_path: Path, source: str):
    assert unescaped(tmp_path, screen=source) == []


def test_texts_are_followed_into_other_modules(tmp_path: Path):
    words = "TITLES = {'a': 'An a'}\ndef shown(name):\n st.caption(name)\ndef read():\n return row.name"
    screen = "from words import TITLES, read, shown\nst.info(TITLES['a'])\nst.info(read())\nshown(other.name)"
    assert unescaped(tmp_path, words=words, screen=screen) == ["row.name", "other.name"]
