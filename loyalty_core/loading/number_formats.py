"""The ways in which a text can be read as a number: marks, currency, percent, negatives."""

from dataclasses import dataclass

from loyalty_core.loading.blanks import literal
from loyalty_core.loading.file_format import DecimalMark, FileFormat
from loyalty_core.loading.readings import Reading

_SPACES = r"[ \x{A0}\x{2009}\x{202F}]"
_APOSTROPHES = "['’´`]"
_CODES = (
    "EUR|USD|GBP|CHF|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|INR|JPY|CNY|RMB|KRW|AUD|CAD|NZD|HKD|SGD|"
    "TWD|THB|IDR|MYR|PHP|VND|BRL|MXN|ARS|CLP|COP|PEN|ZAR|NGN|KES|EGP|MAD|ILS|AED|SAR|QAR"
)
CURRENCY = rf"(?i:(?:US|A|AU|C|CA|HK|NZ|S|R|NT|MX)?\$|[€£¥₹₽₩₪₺₫₴₦₱฿₡₲₸¢]|{_CODES}|kr\.?|rs\.?|s?fr\.?|zł|kč|ft|lei)"
_MINUS = "[-−–]"


@dataclass(frozen=True)
class NumberMarks:
    """The decimal mark, and those that may separate groups of three digits."""

    decimal: DecimalMark
    thousands: tuple[str, ...]

    def describe(self) -> str:
        return f"decimal {'point' if self.decimal == '.' else 'comma'}"


# Written without a mark, so that a spreadsheet's sums and a database's keys keep all their digits.
# A leading zero or plus sign, or more than 15 digits, mean a code (post code, telephone, card): it stays text.
WHOLE_NUMBER = Reading(
    "a number",
    "BIGINT",
    r"CASE WHEN regexp_full_match({}, '-?(0|[1-9]\d{0,14})') THEN TRY_CAST({} AS BIGINT) END",
)


def possible_marks(written: FileFormat) -> tuple[NumberMarks, ...]:
    """The marks that the file may use: one choice when the user says which is the decimal mark, else two."""
    decimals: tuple[DecimalMark, ...] = (".", ",") if written.decimal is None else (written.decimal,)
    if written.thousands is not None:
        decimals = tuple(mark for mark in decimals if mark != written.thousands)
    others = {".": (",", " ", "'"), ",": (".", " ", "'")}
    return tuple(NumberMarks(mark, (written.thousands,) if written.thousands else others[mark]) for mark in decimals)


def number(marks: NumberMarks) -> Reading:
    """Numbers with these marks, which may have a currency, a percent sign (12% is 0.12) or accounting negatives."""
    point, mark = literal(marks.decimal), _mark(marks.decimal)
    simple = rf"{_MINUS}?(?:(?:0|[1-9]\d{{0,14}})(?:{mark}\d+)?|{mark}\d+)(?:[eE][+-]?\d{{1,3}})?"
    text = f"regexp_replace({{}}, {literal(CURRENCY)}, '¤')"
    digits = f"regexp_replace({text}, '[^0-9{marks.decimal}]', '', 'g')"
    negative = "regexp_matches({}, '[-−–(]') AND NOT regexp_matches({}, '[.,][-–—]')"
    sql = (
        f"CASE WHEN regexp_full_match({{}}, '{simple}') "
        f"THEN TRY_CAST(replace(translate({{}}, '−–', '--'), {point}, '.') AS DOUBLE) "
        f"WHEN regexp_full_match({text}, {literal(_written_out(marks))}) "
        f"THEN TRY_CAST(rtrim(replace({digits}, {point}, '.'), '.') AS DOUBLE) "
        f"* CASE WHEN {negative} THEN -1 ELSE 1 END / CASE WHEN contains({{}}, '%') THEN 100 ELSE 1 END END"
    )
    return Reading("a number", "DOUBLE", sql)


def _written_out(marks: NumberMarks) -> str:
    """Pattern of a number with groups of digits and whatever else is written around it; its currency is ¤."""
    groups = [rf"[1-9]\d{{0,2}}(?:{_mark(mark)}\d{{3}})+" for mark in marks.thousands]
    first = _mark(marks.thousands[0])
    indian = rf"[1-9]\d?(?:{first}\d{{2}})+{first}\d{{3}}"
    whole = rf"(?:{'|'.join((*groups, indian))}|0|[1-9]\d{{0,14}})"
    value = rf"(?:{whole}(?:{_mark(marks.decimal)}\d+)?|{_mark(marks.decimal)}\d+)"
    space = f"{_SPACES}?"
    before, after = f"(?:¤{space})?", f"(?:{space}[¤%])?"
    forms = (
        f"{_MINUS}?{space}{before}{value}{after}",
        f"{before}{_MINUS}{space}{value}{after}",
        f"{before}{value}{after}{space}{_MINUS}",
        rf"{before}\({space}{before}{value}{after}{space}\){after}",
        f"{before}{whole}[.,][-–—]{after}",  # 12.– is twelve francs
    )
    return "|".join(forms)


def _mark(mark: str) -> str:
    return {" ": _SPACES, "'": _APOSTROPHES, ".": r"\."}.get(mark, mark)
