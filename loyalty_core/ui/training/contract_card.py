"""The contract of a version, and whether it is met: features in order, parity, golden rows, digests."""

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import title_of
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.queries import promotion


def verify_contract(record: VersionRecord) -> bool:
    """Open the version as serving would, and show in a badge whether it meets its contract."""
    try:
        with st.spinner("Opening the version…"):
            promotion().prove(record.version)
    except LoyaltyError as error:
        st.badge("Contract broken", icon=":material/gpp_bad:", color="red")
        show_error(error, retry=False)
        return False
    st.badge("Contract met", icon=":material/verified_user:", color="green")
    return True


def draw_contract(record: VersionRecord) -> None:
    """Features in order, golden rows, parity, digests."""
    manifest = record.manifest or {}
    st.markdown(f"**Features, in order:** {escape(', '.join(feature['name'] for feature in manifest['features']))}")
    lines = [f"{manifest['scaler']['sha256']}  {manifest['scaler']['file']}"]
    for model, entry in record.models.items():
        lines.append(f"{entry['sha256']}  {entry['file']}")
        golden = f"answers {formatting.count(len(entry['golden']['inputs']))} golden rows as at training"
        parity = entry["metrics"].get("parity")
        same = (
            f"; TensorFlow Lite and Keras differ by at most {parity['largest_difference']:.1g} "
            f"on {formatting.count(parity['rows'])} rows"
            if parity
            else ""
        )
        st.markdown(f"**{escape(title_of(model))}:** {escape(golden + same)}.")
    st.caption("SHA-256 digests, just checked")
    st.code("\n".join(lines), language=None, wrap_lines=True)
