"""How a file is written, as stated by the user rather than inferred from its values."""

from dataclasses import dataclass
from typing import Literal

from loyalty_core.errors import SettingsError

DateOrder = Literal["day-first", "month-first"]
DecimalMark = Literal[".", ","]


@dataclass(frozen=True)
class FileFormat:
    """Whatever is None or empty is decided from all values of the file.

    `sheet` is that of a workbook, `heading` whether the first line of a CSV names the columns, `blanks` are additional
    texts that mean a missing value, `numbers` names columns to be read as numbers. Raises SettingsError when the
    decimal and the thousands mark are the same.
    """

    date_order: DateOrder | None = None
    decimal: DecimalMark | None = None
    thousands: str | None = None
    blanks: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    encoding: str | None = None
    heading: bool | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.decimal is not None and self.decimal == self.thousands:
            raise SettingsError(
                f"--decimal and --thousands are both {self.decimal!r}.",
                "One mark cannot mean both.",
                "Give the mark before the decimals as --decimal and the one between thousands as --thousands.",
            )
