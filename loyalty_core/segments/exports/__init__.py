"""The members of a segment as a file."""

from loyalty_core.segments.exports.files import ExportFailed, ExportNotFound, find_export, remove_old, write_export
from loyalty_core.segments.exports.rows import FORMATS, Format, member_parts

__all__ = [
    "FORMATS",
    "ExportFailed",
    "ExportNotFound",
    "Format",
    "find_export",
    "member_parts",
    "remove_old",
    "write_export",
]
