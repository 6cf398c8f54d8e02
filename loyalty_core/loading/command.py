"""Load a file of customers or a log of purchases into a local warehouse.

loyalty load features customers.csv --id customer_number --churn left
loyalty load transactions sales.csv --customer card --date sold_at --amount total
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.loading.command_line import OneLineParser, add_output_options, day, positive, run
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.from_features import load_features
from loyalty_core.loading.from_transactions import DEFAULT_CHURN_DAYS, PurchaseColumns, load_transactions
from loyalty_core.loading.report import LoadReport


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 after an error, reported in one line."""
    options = _parser().parse_args(arguments)
    load = _features if options.kind == "features" else _transactions
    return run(lambda: load(options).lines(), options.out, "loaded")


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = OneLineParser(prog="loyalty load", description=__doc__, formatter_class=shape, allow_abbrev=False)
    kinds = parser.add_subparsers(dest="kind", metavar="features|transactions", required=True)
    features = kinds.add_parser("features", help="CSV or Parquet, one row per customer", allow_abbrev=False)
    features.add_argument("file", type=Path, metavar="FILE")
    features.add_argument("--id", required=True, metavar="COLUMN", help="the customer's id")
    features.add_argument("--churn", metavar="COLUMN", help="whether the customer left: yes/no, true/false or 1/0")
    features.add_argument("--snapshot", type=day, metavar="DATE", help="the day the data is from, as 2024-12-31")
    features.add_argument(
        "--number", action="append", default=[], metavar="COLUMN", help="a column of numbers; may be repeated"
    )
    log = kinds.add_parser("transactions", help="CSV or Parquet, one row per purchase or line", allow_abbrev=False)
    log.add_argument("file", type=Path, metavar="FILE")
    log.add_argument("--customer", required=True, metavar="COLUMN", help="the id of the customer who bought")
    log.add_argument("--date", required=True, metavar="COLUMN", help="when")
    log.add_argument(
        "--amount", required=True, metavar="COLUMN", help='for how much; "Quantity*UnitPrice" multiplies two columns'
    )
    log.add_argument("--transaction", metavar="COLUMN", help="lines with the same value are one purchase")
    log.add_argument("--quantity", metavar="COLUMN", help="pieces on the line; below zero is a return")
    log.add_argument(
        "--churn-days",
        type=positive,
        default=DEFAULT_CHURN_DAYS,
        metavar="N",
        help="churned: no purchase for N days (%(default)s)",
    )
    for kind in (features, log):
        _add_format_options(kind)
        add_output_options(kind)
    return parser


def _add_format_options(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how the file is written, where its values do not show it")
    how.add_argument("--date-order", choices=["day-first", "month-first"], help="how to read 01/02/2024")
    how.add_argument("--decimal", choices=[".", ","], help="the mark before the decimals")
    how.add_argument("--thousands", choices=[".", ",", " ", "'"], help="the mark between groups of three digits")
    how.add_argument(
        "--blank", action="append", default=[], metavar="TEXT", help="a text that means no value; may be repeated"
    )
    how.add_argument("--encoding", metavar="NAME", help="such as cp1250, where it is not UTF-8, UTF-16 or Windows-1252")


def _file_format(options: argparse.Namespace) -> FileFormat:
    return FileFormat(
        date_order=options.date_order,
        decimal=options.decimal,
        thousands=options.thousands,
        blanks=tuple(options.blank),
        numbers=tuple(getattr(options, "number", ())),
        encoding=options.encoding,
    )


def _features(options: argparse.Namespace) -> LoadReport:
    return load_features(
        options.file,
        options.out,
        id_column=options.id,
        churn_column=options.churn,
        snapshot=options.snapshot,
        written=_file_format(options),
        overwrite=options.overwrite,
    )


def _transactions(options: argparse.Namespace) -> LoadReport:
    return load_transactions(
        options.file,
        options.out,
        PurchaseColumns(options.customer, options.date, options.amount, options.transaction, options.quantity),
        churn_days=options.churn_days,
        written=_file_format(options),
        overwrite=options.overwrite,
    )
