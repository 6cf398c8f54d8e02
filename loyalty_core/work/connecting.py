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
from loyalty_core.loading import (
    CustomerColumns,
    FileFormat,
    OffersFile,
    PurchaseColumns,
    load_features,
    load_transactions,
)
from loyalty_core.loading.from_transactions import DEFAULT_CHURN_DAYS
from loyalty_core.loading.questions import asked_in_the_form, in_words_of_the_form
from loyalty_core.settings import is_currency_code, recommend_mapping, set_by_the_user
from loyalty_core.work.newer_data import FormerData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loyalty_core.jobs.report import Report
    from loyalty_core.loading import LoadReport
    from loyalty_core.services import Services


def connect_file(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Load the file `upload` into a warehouse of its own, beside the present one, and switch to it at the end.

    `kind` is “customers” or “transactions”. `columns` are the fields of `CustomerColumns` or `PurchaseColumns`,
    `format` those of `FileFormat`, whose `numbers` are an option of their own; `offers` has the `upload` and `columns`
    of an `OffersFile`; `currency` is a code such as EUR. Where the file has newer data of the customers in use, the
    models and predictions of these are used for it too. Where anything fails, nothing has changed.
    """
    require(Action.CONNECT_DATA)
    upload = Upload.find(str(options.get("upload", "")))
    offers = Upload.find(options["offers"]["upload"]) if "offers" in options else None
    currency = _currency(options)
    folder, former = new_folder(upload.file.stem), FormerData.of(services)
    before = services.connections.current()
    try:
        out = folder / WAREHOUSE
        if former:
            former.put_in_place(out)
        loaded = _load(upload.file, out, options, offers, report)
        suggestion = loaded.suggestion
        is_continued = former is not None and former.is_continued_by(out, suggestion)
        if former is not None and is_continued:
            former.copy_to(folder)
            recommend_mapping(out, former.mapping)
        elif suggestion is not None and suggestion.features:
            recommend_mapping(out, suggestion.features)
        report.phase("Switching to the new data")
        kind = "customers" if options["kind"] == "customers" else "transactions"
        settings = {"dwh_url": f"duckdb:///{out}", **currency}
        connection = services.connections.add(folder, upload.file.name, kind, settings)
    except DataError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise asked_in_the_form(error) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for one in (upload, offers):
        if one:
            one.remove()
    with suppress(JobStopped):  # the new data is in use, so a request to stop comes too late
        report.message(f"Loaded {loaded.loaded}.")
    return {
        "connection": connection.id,
        **_described(loaded),
        "continues": (before.title if before else "the default warehouse") if is_continued else None,
        "learned_from": former.learned_from if former and is_continued else None,
        "mapping_is_set": "ml_feature_mapping" in set_by_the_user(),
    }


def _currency(options: Mapping[str, Any]) -> dict[str, str]:
    """The setting of the connection, where one was chosen. Raises `DataError` for what would not be a currency."""
    if "currency" not in options:
        return {}
    code = str(options["currency"])
    if not is_currency_code(code):
        raise DataError(f"{code[:20]!r} is no currency.", remedy="Give an ISO 4217 code, such as EUR.")
    return {"currency": code}


def _described(loaded: LoadReport) -> dict[str, Any]:
    """What the load did, as the screen shows it."""
    suggestion = loaded.suggestion
    return {
        "rows_read": loaded.rows_read,
        "left_out": loaded.excluded_text,
        "loaded": loaded.loaded,
        "notes": [in_words_of_the_form(note) for note in loaded.notes],
        "features": list(suggestion.features.values()) if suggestion else None,
        "not_learned": [
            {"column": one.column, "reason": one.reason, "is_certain": one.is_certain}
            for one in (suggestion.left_out if suggestion else ())
        ],
    }


def _load(
    file: Path, out: Path, options: Mapping[str, Any], offers_upload: Upload | None, report: Report
) -> LoadReport:
    columns, written = options.get("columns", {}), _file_format(options)
    offers = None
    if offers_upload:
        # The columns of numbers and the sheet are those of the other file.
        of_offers = replace(written, numbers=(), sheet=None)
        offers = OffersFile(offers_upload.file, options["offers"].get("columns", {}), of_offers)
    report.phase(f"Reading {file.name}")
    if options.get("kind") == "customers":
        snapshot = options.get("snapshot")
        return load_features(
            file,
            out,
            CustomerColumns(**columns),
            offers=offers,
            snapshot=date.fromisoformat(snapshot) if snapshot else None,
            written=written,
            overwrite=True,
            on_phase=report.phase,
        )
    return load_transactions(
        file,
        out,
        PurchaseColumns(**columns),
        offers=offers,
        churn_days=options.get("churn_days", DEFAULT_CHURN_DAYS),
        written=written,
        overwrite=True,
        on_phase=report.phase,
    )


def _file_format(options: Mapping[str, Any]) -> FileFormat:
    stated: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.get("format", {}).items()
    }
    return replace(FileFormat(**stated), numbers=tuple(options.get("numbers", ())))
