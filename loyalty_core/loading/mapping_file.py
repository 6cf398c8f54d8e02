"""The suggested mapping in `loyalty.toml`, where the settings are read: a block that the next load may replace."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import duckdb

from loyalty_core.errors import SettingsError
from loyalty_core.files import replace_file
from loyalty_core.loading.feature_suggestion import Suggestion
from loyalty_core.loading.report import HISTORIES, VIEW
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse.mapping import resolve_mapping

SETTINGS_FILE = Path("loyalty.toml")
_BEGIN = "# What the models learn from, written by `loyalty load`. Edit it if you like, and train again."
_END = "# End of what `loyalty load` wrote."
_BLOCK = re.compile(re.escape(_BEGIN) + r".*?" + re.escape(_END) + r"\n*", re.DOTALL)
_NAMES = ("ml_feature_mapping", "ml_model_input_size")


def use_mapping(out: Path, suggestion: Suggestion | None, *, replace: bool = False) -> list[str]:
    """Put the mapping for the warehouse `out` into loyalty.toml; returns lines for the terminal.

    A mapping that somebody has set, or edited there, is not changed as long as the view and the histories have its
    columns and none of them gives a label away, unless `replace`.
    Nothing is written for a warehouse that the settings do not name: its mapping is printed instead.
    """
    wanted = suggestion.features if suggestion else None
    if suggestion is not None and not suggestion.features:
        return [*suggestion.lines(), "There is nothing for the models to learn from."]
    settings = Settings()
    explained = suggestion.lines() if suggestion else []
    if not is_configured(out, settings):
        return explained if _is_standard(wanted) else [*explained, *_to_paste(suggestion)]
    current = settings.ml_feature_mapping
    if current != DEFAULT_FEATURE_MAPPING and not replace and _fits(current, out, suggestion):
        return ["ML_FEATURE_MAPPING is unchanged, as this file has its columns."]
    written = _write(None if _is_standard(wanted) else suggestion)
    if written and _is_in_force(wanted):
        return explained
    if suggestion is None:
        return ["ML_FEATURE_MAPPING names columns that this file does not have. Remove it: the standard mapping fits."]
    return [*explained, "ML_FEATURE_MAPPING is set to other columns. Replace it:", *_to_paste(suggestion)]


def is_configured(out: Path, settings: Settings) -> bool:
    """Whether the settings name the warehouse file `out`."""
    return settings.dwh_url.removeprefix("duckdb:///") in {str(out), str(out.resolve())}


def toml_lines(suggestion: Suggestion) -> list[str]:
    """The mapping as settings."""
    return [
        f"ml_model_input_size = {len(suggestion.features)}",
        *(
            f"ml_feature_mapping.{_toml_key(name)} = {_toml_text(column)}"
            for name, column in suggestion.features.items()
        ),
    ]


def _to_paste(suggestion: Suggestion | None) -> list[str]:
    if suggestion is None:
        return []
    return ["Put this at the top of loyalty.toml:", "", *toml_lines(suggestion), ""]


def _write(suggestion: Suggestion | None) -> bool:
    """Replace the block in loyalty.toml, or remove it; False where the file sets a mapping of its own."""
    text = SETTINGS_FILE.read_text("utf-8") if SETTINGS_FILE.exists() else ""
    others = _BLOCK.sub("", text)
    if not {name.lower() for name in tomllib.loads(others)}.isdisjoint(_NAMES):
        return False
    block = ""
    if suggestion is not None:
        comments = [f"# Not {one.column}: {one.reason}." for one in suggestion.left_out]
        lines = [_BEGIN, *toml_lines(suggestion), *(" ".join(line.split()) for line in comments), _END]
        # At the top, as later in the file the names would belong to a table.
        block = "\n".join(lines) + "\n" + ("\n" if others else "")
    if block + others != text:
        try:
            replace_file(SETTINGS_FILE, (block + others).encode())
        except OSError as error:
            raise SettingsError(
                f"{SETTINGS_FILE} could not be written.",
                f"The system says: {error.strerror or error}.",
                "Run the command in a folder that you may write to.",
            ) from error
    return True


def _is_in_force(wanted: Mapping[str, str] | None) -> bool:
    """Whether the environment leaves loyalty.toml in force."""
    mapping = Settings().ml_feature_mapping
    return mapping == DEFAULT_FEATURE_MAPPING if _is_standard(wanted) else mapping == wanted


def _is_standard(wanted: Mapping[str, str] | None) -> bool:
    """Whether the standard mapping reads the same columns under the same names."""
    if wanted is None:
        return True
    standard = resolve_mapping(DEFAULT_FEATURE_MAPPING, wanted.values())
    return {one.name: one.column for one in standard} == dict(wanted)


def _fits(mapping: Mapping[str, str | list[str]], out: Path, suggestion: Suggestion | None) -> bool:
    """Whether the view and the histories have the columns of a mapping, and none of them is a copy of a label."""
    with duckdb.connect(out, read_only=True) as connection:
        found = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
        tables = [connection.table(name).columns for name in (VIEW, *HISTORIES) if name in found]
    resolved = [one.column for columns in tables for one in resolve_mapping(mapping, columns)]
    hidden = {one.column for one in suggestion.left_out if one.is_certain} if suggestion else set()
    return None not in resolved and hidden.isdisjoint(resolved)


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_text(name)


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
