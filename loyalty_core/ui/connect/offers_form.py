"""Offers in a file of their own, so that a model of the next best offer can learn from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.connections import Upload
from loyalty_core.loading import OffersFile
from loyalty_core.loading.inspection import column_names
from loyalty_core.loading.offers_file import recognised_columns
from loyalty_core.ui.connect.file_format_form import label

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

FILE_TYPES = ["csv", "txt", "tsv", "gz", "zip", "xlsx", "parquet"]
_UPLOAD, _NAMES = "connect-offers-upload", "connect-offers-names"
_PARTS = {
    "customer": ("Customer of an offer", "Who was offered it, by the ids of the first file."),
    "offer": ("Offer", "Its name or number. Blank means that none was taken."),
    "date": ("Day of the offer", "When it was offered or taken."),
    "taken": ("Whether it was taken", "Yes or no. Without it, each row is an offer that was taken."),
}
_AS_FOUND = "As found"


def ask_offers(key: str) -> dict[str, Any]:
    """The option `offers` of the job; empty without a file. Another `key` empties the form."""
    with st.expander("Offers in a file of their own", icon=":material/local_offer:"):
        dropped = st.file_uploader(
            label("offers"),
            type=FILE_TYPES,
            key=f"connect-offers-{key}",
            help="One row per customer and offer. The model of the next best offer learns from it.",
        )
        if dropped is None:
            return {}
        upload = saved(dropped, _UPLOAD)
        columns, recognised = _columns_of(upload)
        names = [_AS_FOUND, *columns]
        chosen: dict[str, str] = {}
        for place, (part, (title, help_text)) in zip(st.columns(len(_PARTS)), _PARTS.items(), strict=True):
            found = recognised.get(part, _AS_FOUND)
            key = f"connect-offers-{part}-{upload.id}"
            name = place.selectbox(title, names, index=names.index(found), key=key, help=help_text)
            if name and name != _AS_FOUND:
                chosen[part] = name
    return {"offers": {"upload": upload.id, "columns": chosen}}


def saved(dropped: UploadedFile, place: str) -> Upload:
    """Saved once for each file that is dropped; every rerun gets the same file from the browser's session."""
    known = st.session_state.get(place)
    if known and known[0] == dropped.file_id and known[1].file.exists():
        return known[1]
    upload = Upload.save(dropped.name, dropped.getbuffer())
    st.session_state[place] = dropped.file_id, upload
    return upload


def _columns_of(upload: Upload) -> tuple[list[str], dict[str, str]]:
    """The columns of the file, and which of them was recognised as which part."""
    known = st.session_state.get(_NAMES)
    if known is None or known[0] != upload.id:
        read = column_names(upload.file), recognised_columns(OffersFile(upload.file))
        known = st.session_state[_NAMES] = upload.id, read
    return known[1]
