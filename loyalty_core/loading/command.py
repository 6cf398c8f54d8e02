"""Load a file of customers or a log of purchases into a local warehouse.

loyalty load features customers.csv
loyalty load transactions sales.csv --customer card --date sold_at --amount total

Columns that are not named are found where only one qualifies.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.loading.command_line import OneLineParser, add_output_options, day, positive, run
from loyalty_core.loading.customer_columns import CustomerColumns
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.from_features import load_features
from loyalty_core.loading.from_transactions import DEFAULT_CHURN_DAYS, PurchaseColumns, load_transactions
from loyalty_core.loading.mapping_file import use_mapping
from loyalty_core.loading.next_steps import next_steps
from loyalty_core.loading.offers_file import PARTS, OffersFile
from loyalty_core.loading.report import LoadReport


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 after an error, reported in one line."""
    options = _parser().parse_args(arguments)
    load = _features if options.kind == "features" else _transactions
    reports: list[LoadReport] = []

    def read_file() -> list[str]:
        reports.append(load(options))
        return reports[0].lines()

    def finish() -> list[str]:
        mapping = use_mapping(options.out, reports[0].suggestion, replace=bool(getattr(options, "feature", ())))
        return [*mapping, *next_steps(options.out)]

    return run(read_file, options.out, "loaded", finish)


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = OneLineParser(prog="loyalty load", description=__doc__, formatter_class=shape, allow_abbrev=False)
    kinds = parser.add_subparsers(dest="kind", metavar="features|transactions", required=True)
    features = kinds.add_parser("features", help="CSV, Parquet or .xlsx, one row per customer", allow_abbrev=False)
    _add_features_options(features)
    log = kinds.add_parser(
        "transactions", help="CSV, Parquet or .xlsx, one row per purchase or line", allow_abbrev=False
    )
    _add_transactions_options(log)
    for kind in (features, log):
        _add_offers_options(kind)
        _add_format_options(kind)
        add_output_options(kind)
    return parser


def _add_features_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--id", metavar="COLUMN", help="the customer's id; without it, the column is found")
    parser.add_argument("--number-rows", action="store_true", help="the file has no ids: every row is a customer")
    parser.add_argument("--churn", metavar="COLUMN", help="whether the customer left, in words or 1/0")
    parser.add_argument("--no-churn", action="store_true", help="no column says who left")
    parser.add_argument(
        "--churned", action="append", default=[], metavar="VALUE", help="what --churn holds for those who left"
    )
    parser.add_argument("--snapshot", type=day, metavar="DATE", help="the day the data is from, as 2024-12-31")
    parser.add_argument(
        "--number", action="append", default=[], metavar="COLUMN", help="a column of numbers; may be repeated"
    )
    parser.add_argument(
        "--feature",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column that the models learn from in any case",
    )
    parser.add_argument(
        "--offer",
        action="append",
        default=[],
        metavar="COLUMN",
        help="the offer that was taken; if repeated, each column is an offer that was taken (yes) or not",
    )
    parser.add_argument("--treatment", metavar="COLUMN", help="who was contacted in a test, and who was not")
    parser.add_argument(
        "--control", action="append", default=[], metavar="VALUE", help="what --treatment holds for who was not"
    )
    parser.add_argument(
        "--outcome",
        action="append",
        default=[],
        metavar="COLUMN",
        help="the outcome: yes, or above zero; further ones are columns that were measured with it",
    )


def _add_transactions_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--customer", metavar="COLUMN", help="the id of the customer who bought; what is not named is found"
    )
    parser.add_argument("--date", metavar="COLUMN", help="when")
    parser.add_argument("--amount", metavar="COLUMN", help='the amount; "Quantity*UnitPrice" multiplies two columns')
    parser.add_argument("--transaction", metavar="COLUMN", help="lines with the same value are one purchase")
    parser.add_argument("--quantity", metavar="COLUMN", help="pieces on the line; below zero is a return")
    parser.add_argument(
        "--churn-days",
        type=positive,
        default=DEFAULT_CHURN_DAYS,
        metavar="N",
        help="churned: no purchase for N days (%(default)s)",
    )
    parser.add_argument("--offer", metavar="COLUMN", help="the offer or coupon that was used for the purchase")


def _add_offers_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offers", type=Path, metavar="FILE", help="CSV or Parquet: who took which offer")
    parser.add_argument(
        "--offers-column",
        action="append",
        default=[],
        type=_part,
        metavar="PART=COLUMN",
        help="a column of that file: customer, offer, date or taken; without it, the column is found",
    )


def _part(text: str) -> tuple[str, str]:
    """`offer=coupon` as an argparse type."""
    part, _, column = text.partition("=")
    if part.strip() not in PARTS or not column.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not such as offer=coupon; there are {', '.join(PARTS)}")
    return part.strip(), column.strip()


def _add_format_options(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how the file is written, where its values do not show it")
    how.add_argument("--date-order", choices=["day-first", "month-first"], help="how to read 01/02/2024")
    how.add_argument("--decimal", choices=[".", ","], help="the mark before the decimals")
    how.add_argument("--thousands", choices=[".", ",", " ", "'"], help="the mark between groups of three digits")
    how.add_argument(
        "--blank", action="append", default=[], metavar="TEXT", help="a text that means no value; may be repeated"
    )
    how.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook that has several")
    how.add_argument("--heading", choices=["yes", "no"], help="whether the first line names the columns")
    how.add_argument("--encoding", metavar="NAME", help="such as cp1250, where it is not UTF-8, UTF-16 or Windows-1252")


def _file_format(options: argparse.Namespace) -> FileFormat:
    return FileFormat(
        date_order=options.date_order,
        decimal=options.decimal,
        thousands=options.thousands,
        blanks=tuple(options.blank),
        numbers=tuple(getattr(options, "number", ())),
        encoding=options.encoding,
        sheet=options.sheet,
        heading=None if options.heading is None else options.heading == "yes",
    )


def _offers_file(options: argparse.Namespace) -> OffersFile | None:
    if options.offers is None:
        return None
    # The columns that --number names are those of the other file.
    return OffersFile(
        options.offers, dict(options.offers_column), replace(_file_format(options), numbers=(), sheet=None)
    )


def _features(options: argparse.Namespace) -> LoadReport:
    return load_features(
        options.file,
        options.out,
        CustomerColumns(
            id=options.id,
            churn=options.churn,
            churned=options.churned,
            offers=options.offer,
            features=options.feature,
            treatment=options.treatment,
            control=options.control,
            outcomes=options.outcome,
            has_ids=not options.number_rows,
            has_churn=not options.no_churn,
        ),
        offers=_offers_file(options),
        snapshot=options.snapshot,
        written=_file_format(options),
        overwrite=options.overwrite,
    )


def _transactions(options: argparse.Namespace) -> LoadReport:
    return load_transactions(
        options.file,
        options.out,
        PurchaseColumns(
            options.customer, options.date, options.amount, options.transaction, options.quantity, options.offer
        ),
        offers=_offers_file(options),
        churn_days=options.churn_days,
        written=_file_format(options),
        overwrite=options.overwrite,
    )
