"""The job that exports: a segment, or the whole base, to a file that is fetched later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from loyalty_core.access import Action, NotAllowed, current_viewer, require
from loyalty_core.jobs import RESTRICTION
from loyalty_core.segments.errors import BadSegment
from loyalty_core.segments.exports import FORMATS, Format, remove_old, write_export
from loyalty_core.warehouse import restriction_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from loyalty_core.jobs.report import Report
    from loyalty_core.services import Services


def export_customers(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Write the members of the segment `segment_id`, or everybody where it is None, as `format` says.

    With `columns`, the file has these, otherwise all of the features view that the viewer may see.
    """
    require(Action.EXPORT)
    services = _seen_by_whoever_started_it(services, options)
    form = _format_of(options)
    settings, segment_id = services.settings, options.get("segment_id")
    rule = services.segments.get(segment_id).rule if segment_id is not None else None
    remove_old(settings.exports_dir, settings.exports_kept_days)
    report.phase("Counting")
    selection = services.segmentation.select(rule)
    report.phase("Writing customers", selection.count())
    batches = _reported(selection.stream(options.get("columns") or ()), report)
    title, bom = segment_id or "all-customers", settings.exports_csv_bom
    written = write_export(settings.exports_dir, title, form, batches, bom=bom)
    report.message(f"{written.customers:,} customer{'' if written.customers == 1 else 's'} written.")
    return {"file": written.file.name, "customers": written.customers, "bytes": written.bytes}


def _seen_by_whoever_started_it(services: Services, options: Mapping[str, Any]) -> Services:
    """The viewer's services; raises `NotAllowed` where the viewer may see something else than when it was started."""
    viewer = current_viewer()
    restriction = restriction_of(viewer, services.settings)
    if options.get(RESTRICTION) != (restriction.key if restriction else None):
        raise NotAllowed(
            f"{viewer.id} may not see the same customers and values as when the export was started.",
            remedy="Start it again.",
        )
    return services.seen_by(viewer)


def _format_of(options: Mapping[str, Any]) -> Format:
    form = options.get("format", "csv")
    if form not in FORMATS:
        raise BadSegment(f"There is no export as {str(form)[:60]!r}.", remedy=f"Choose one of {', '.join(FORMATS)}.")
    return cast("Format", form)


def _reported(batches: Iterator[pa.RecordBatch], report: Report) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        yield batch
        done += batch.num_rows
        report.progress(done)
