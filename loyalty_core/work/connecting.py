"""The job that makes a warehouse of a file that was dropped in the browser, and has the app read it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from loyalty_core.access import Action, require
from loyalty_core.connections import Upload
from loyalty_core.connections.connection import WAREHOUSE, new_folder
from loyalty_core.errors import DataError
from loyalty_core.jobs.report import JobStopped
from loyalty_core.loading import CustomerColumns, FileFormat, PurchaseColumns, load_features, load_transactions
from loyalty_core.loading.from_transactions import DEFAULT_CHURN_DAYS
from loyalty_core.loading.questions import asked_in_the_form, in_words_of_the_form
from loyalty_core.settings import recommend_mapping, set_by_the_user

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loyalty_core.jobs.report import Report
    from loyalty_core.loading import LoadReport
    from loyalty_core.services import Services


def connect_file(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Load the file `upload` into a warehouse of its own, beside the present one, and switch to it at the end.

    `kind` is “customers” or “transactions”. `columns` are the fields of `CustomerColumns` or `PurchaseColumns`,
    `format` those of `FileFormat`, whose `numbers` are an option of their own. Where anything fails, nothing has
    changed.
    """
    require(Action.CONNECT_DATA)
    upload = Upload.find(str(options.get("upload", "")))
    folder = new_folder(upload.file.stem)
    try:
        out = folder / WAREHOUSE
        loaded = _load(upload.file, out, options, report)
        suggestion = loaded.suggestion
        if suggestion is not None and suggestion.features:
            recommend_mapping(out, suggestion.features)
        report.phase("Switching to the new data")
        kind = "customers" if options["kind"] == "customers" else "transactions"
        connection = services.connections.add(folder, upload.file.name, kind, {"dwh_url": f"duckdb:///{out}"})
    except DataError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise asked_in_the_form(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    upload.remove()
    with suppress(JobStopped):  # the new data is in use, so a request to stop comes too late
        report.message(f"Loaded {loaded.loaded}.")
    return {
        "connection": connection.id,
        "rows_read": loaded.rows_read,
        "left_out": loaded.excluded_text,
        "loaded": loaded.loaded,
        "notes": [in_words_of_the_form(note) for note in loaded.notes],
        "features": list(suggestion.features.values()) if suggestion else None,
        "not_learned": [
            {"column": one.column, "reason": one.reason, "is_certain": one.is_certain}
            for one in (suggestion.left_out if suggestion else ())
        ],
        "mapping_is_set": "ml_feature_mapping" in set_by_the_user(),
    }


def _load(file: Path, out: Path, options: Mapping[str, Any], report: Report) -> LoadReport:
    columns, written = options.get("columns", {}), _file_format(options)
    report.phase(f"Reading {file.name}")
    if options.get("kind") == "customers":
        snapshot = options.get("snapshot")
        return load_features(
            file,
            out,
            CustomerColumns(**columns),
            snapshot=date.fromisoformat(snapshot) if snapshot else None,
            written=written,
            on_phase=report.phase,
        )
    return load_transactions(
        file,
        out,
        PurchaseColumns(**columns),
        churn_days=options.get("churn_days", DEFAULT_CHURN_DAYS),
        written=written,
        on_phase=report.phase,
    )


def _file_format(options: Mapping[str, Any]) -> FileFormat:
    stated: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.get("format", {}).items()
    }
    return replace(FileFormat(**stated), numbers=tuple(options.get("numbers", ())))
