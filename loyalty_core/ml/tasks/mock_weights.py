"""Pseudo-random weights for mock mode."""

from zlib import crc32


def mock_weight(text: str) -> float:
    """A number from -1 to 1 derived from the text, the same in every process."""
    return 2 * crc32(text.encode()) / 0xFFFFFFFF - 1
