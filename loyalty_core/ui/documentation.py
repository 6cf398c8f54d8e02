"""The documentation of the repository as pages of the app, readable without a network; errors link to it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from loyalty_core.ui.api_links import api_root

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "docs"
INDEX, TROUBLESHOOTING = "README", "troubleshooting"
PAGE, ERROR = "page", "error"
"""The parameters of the screen's address."""
_API_REFERENCE = "api-reference"
_PART = re.compile(
    r"^(?P<code>```[\s\S]*?^```)$|^(?P<marks>#{1,3}) (?P<heading>.+)$|^!\[(?P<caption>[^\]]*)\]\((?P<picture>[^)]+)\)$",
    re.MULTILINE,
)
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_CODES = re.compile(r"`(\w+)`")


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3 with the anchor that links name."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True)
class Picture:
    """A picture of the documentation."""

    file: Path
    caption: str


@dataclass(frozen=True)
class Remedy:
    """What troubleshooting says of an error code, as Markdown with links as in the repository."""

    meaning: str
    what_to_do: str


def page_names() -> frozenset[str]:
    """The pages that the app shows; the reference of the API has a page of its own there."""
    return frozenset(file.stem for file in FOLDER.glob("*.md")) - {_API_REFERENCE}


def read_page(name: str) -> list[Heading | Picture | str]:
    """The parts of a page in their order; texts are Markdown, with links as in the repository."""
    return list(_parts((FOLDER / f"{name}.md").read_text("utf-8")))


def error_link(code: str) -> str:
    """The address of what troubleshooting says of an error, relative to any screen; "" where it says nothing."""
    return f"documentation?{PAGE}={TROUBLESHOOTING}&{ERROR}={quote(code)}" if code in remedies() else ""


@cache
def remedies() -> dict[str, Remedy]:
    """What troubleshooting says, by error code; empty where the documentation was not installed."""
    file = FOLDER / f"{TROUBLESHOOTING}.md"
    text = file.read_text("utf-8").partition("\n## Error codes\n")[2] if file.exists() else ""
    found: dict[str, Remedy] = {}
    for row in re.findall(r"^\| (.*) \|$", text, re.MULTILINE):
        codes, *_, meaning, what_to_do = [cell.strip() for cell in row.split("|")]
        found |= dict.fromkeys(_CODES.findall(codes), Remedy(meaning, what_to_do))
    return found


@cache
def _title_of(name: str) -> str:
    first = read_page(name)[0]
    return first.text if isinstance(first, Heading) else name


def in_app(markdown: str) -> str:
    """Markdown of the documentation whose links lead to the screen Documentation."""
    return _LINK.sub(_linked, markdown)


def _parts(text: str) -> Iterator[Heading | Picture | str]:
    anchors = Counter[str]()
    start = 0
    for part in _PART.finditer(text):
        if part["code"]:  # what looks like a heading in it is none
            continue
        if before := text[start : part.start()].strip():
            yield before
        start = part.end()
        yield _picture(part) if part["picture"] else _heading(part, anchors)
    if rest := text[start:].strip():
        yield rest


def _picture(part: re.Match[str]) -> Picture:
    return Picture(FOLDER / part["picture"], part["caption"])


def _heading(part: re.Match[str], anchors: Counter[str]) -> Heading:
    """With the anchor that GitHub gives it."""
    text = _LINK.sub(r"\g<text>", part["heading"])
    name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    anchors[name] += 1
    return Heading(len(part["marks"]), text, name if anchors[name] == 1 else f"{name}-{anchors[name] - 1}")


def _linked(link: re.Match[str]) -> str:
    text, target = link["text"], link["target"]
    if target.startswith("#") or re.match(r"[a-z]+:", target):
        return link[0]
    file, _, anchor = target.partition("#")
    name = file.removesuffix(".md")
    if name == _API_REFERENCE:
        return f"[{text}]({api_root()}/docs/)"
    if name not in page_names():  # a file of the repository
        return text
    if text.endswith(".md"):
        text = _title_of(name)
    return f"[{text}](documentation?{PAGE}={quote(name)}{f'#{anchor}' if anchor else ''})"
