"""All members of a segment as a file: sent directly, or prepared in the background when there are many.

Files come from the API, which sends them in parts; a download button would hold them in memory.
"""

from collections.abc import Sequence
from urllib.parse import quote

import streamlit as st

from loyalty_core.jobs import Job
from loyalty_core.segments import Segment
from loyalty_core.segments.exports import FORMATS, ExportNotFound, Format, find_export
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.api_links import api_link
from loyalty_core.ui.jobs import draw_job

# A file of more customers takes a while, in which a connection may break.
MANY = 10_000

_FORMAT_NAMES: dict[Format, str] = {"csv": "CSV", "parquet": "Parquet"}


def draw_links(segment: Segment, columns: Sequence[str]) -> None:
    """Links to files with these columns, which are written while they are sent."""
    for form in FORMATS:
        parameters = (("format", form), *(("columns", name) for name in columns))
        st.link_button(
            f"All members as {_FORMAT_NAMES[form]}",
            api_link(f"segments/{quote(segment.id)}/members/export/", *parameters),
            icon=":material/download:",
            help="With the columns chosen above",
        )


def draw_prepared(segment: Segment, columns: Sequence[str]) -> None:
    """A file that is prepared in the background and fetched later."""
    about = {"segment_id": segment.id}
    job = get_services().jobs.latest("export", about)
    with st.expander("Prepare a file", icon=":material/hourglass_top:", expanded=job is not None):
        days = formatting.count(get_services().settings.exports_kept_days)
        st.caption(
            "For many customers: the file is written in the background, even when this page is closed, with "
            f"the columns chosen above, and is available here for {days} days."
        )
        form = st.segmented_control(
            "Format", FORMATS, default="csv", format_func=_FORMAT_NAMES.__getitem__, key="export-format", required=True
        )
        draw_job(
            "export",
            start_label="Prepare",
            options={"format": form, "columns": list(columns)},
            about=about,
            key="export",
        )
        if job and job.state == "done":
            _draw_file(job)


def _draw_file(job: Job) -> None:
    settings = get_services().settings
    try:
        find_export(settings.exports_dir, job.result["file"], settings.exports_kept_days)
    except ExportNotFound:
        st.caption("The file is no longer available.")
        return
    st.link_button(
        f"Download {_FORMAT_NAMES[job.options['format']]} · {formatting.count(job.result['customers'])} customers",
        api_link(f"exports/{job.id}/file/"),
        icon=":material/download:",
        type="primary",
    )
