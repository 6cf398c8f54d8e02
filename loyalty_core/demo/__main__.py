"""Make a local warehouse: a simulated programme, or your own customers or purchases.

python -m loyalty_core.demo --customers 20000
python -m loyalty_core.demo --from-features customers.csv --id customer_number --churn left
python -m loyalty_core.demo --from-transactions sales.csv --customer card --date sold_at --amount total
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

import duckdb

from loyalty_core.errors import LoyaltyError
from loyalty_core.loading.from_features import load_features
from loyalty_core.loading.from_transactions import DEFAULT_CHURN_DAYS, PurchaseColumns, load_transactions
from loyalty_core.loading.report import LoadReport, describe_warehouse
from loyalty_core.settings import DEFAULT_WAREHOUSE

# What each way of making a warehouse needs, and what else it takes.
NEEDED = {
    "customers": (),
    "from_features": ("id",),
    "from_transactions": ("customer", "date", "amount"),
}
TAKEN = {
    "customers": ("seed", "snapshot"),
    "from_features": ("churn", "snapshot", "date_order"),
    "from_transactions": ("transaction", "quantity", "churn_days", "date_order"),
}


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with the options in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (--help shows the options)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 after an error told in one line."""
    options = _options(arguments)
    try:
        lines = [*_make(options), *describe_warehouse(options.out)]
    except LoyaltyError as error:
        return _failed(str(error))
    except (duckdb.Error, OSError) as error:
        return _failed(f"The warehouse could not be made. {str(error).splitlines()[0]}")
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB turns an interruption in the midst of a query into a RuntimeError.
        if not isinstance(error.__cause__ or error, KeyboardInterrupt):
            raise
        return _failed("Stopped; nothing was written.")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    way = next(way for way in NEEDED if getattr(options, way) is not None)
    for name in NEEDED[way]:
        if getattr(options, name) is None:
            parser.error(f"{_flag(way)} needs {_flag(name)}")
    for name in {name for names in (*NEEDED.values(), *TAKEN.values()) for name in names}:
        if getattr(options, name) is not None and name not in NEEDED[way] + TAKEN[way]:
            parser.error(f"{_flag(name)} does not go with {_flag(way)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="python -m loyalty_core.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument("--customers", type=_positive, metavar="N", help="simulate a programme with N customers")
    ways.add_argument("--from-features", type=Path, metavar="FILE", help="CSV or Parquet, one row per customer")
    ways.add_argument(
        "--from-transactions", type=Path, metavar="FILE", help="CSV or Parquet, one row per purchase or line"
    )
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_WAREHOUSE, metavar="FILE", help="the warehouse (%(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a warehouse that holds your own data")
    parser.add_argument("--seed", type=int, help="another seed makes another programme of the same kind")
    parser.add_argument("--snapshot", type=_day, metavar="DATE", help="the day the data is from, as 2024-12-31")
    parser.add_argument("--id", metavar="COLUMN", help="the customer's id")
    parser.add_argument("--churn", metavar="COLUMN", help="whether the customer left: yes/no, true/false or 1/0")
    parser.add_argument("--customer", metavar="COLUMN", help="the id of the customer who bought")
    parser.add_argument("--date", metavar="COLUMN", help="when")
    parser.add_argument("--amount", metavar="COLUMN", help='for how much; "Quantity*UnitPrice" multiplies two columns')
    parser.add_argument("--transaction", metavar="COLUMN", help="lines with the same value are one purchase")
    parser.add_argument("--quantity", metavar="COLUMN", help="pieces on the line; below zero is a return")
    parser.add_argument(
        "--churn-days", type=_positive, metavar="N", help=f"churned: no purchase for N days ({DEFAULT_CHURN_DAYS})"
    )
    parser.add_argument("--date-order", choices=["day-first", "month-first"], help="how to read 01/02/2024")
    return parser


def _make(options: argparse.Namespace) -> list[str]:
    if options.from_features:
        return _from_features(options).lines()
    if options.from_transactions:
        return _from_transactions(options).lines()
    return _simulate(options)


def _simulate(options: argparse.Namespace) -> list[str]:
    from loyalty_core.demo.generate import generate  # noqa: PLC0415 (own files load without the simulation)

    chosen = {name: getattr(options, name) for name in TAKEN["customers"] if getattr(options, name) is not None}
    generate(options.out, options.customers, overwrite=options.overwrite, **chosen)
    return [f"Simulated {options.customers:,} customers."]


def _from_features(options: argparse.Namespace) -> LoadReport:
    return load_features(
        options.from_features,
        options.out,
        id_column=options.id,
        churn_column=options.churn,
        snapshot=options.snapshot,
        date_order=options.date_order,
        overwrite=options.overwrite,
    )


def _from_transactions(options: argparse.Namespace) -> LoadReport:
    return load_transactions(
        options.from_transactions,
        options.out,
        PurchaseColumns(options.customer, options.date, options.amount, options.transaction, options.quantity),
        churn_days=options.churn_days or DEFAULT_CHURN_DAYS,
        date_order=options.date_order,
        overwrite=options.overwrite,
    )


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2024-12-31") from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _failed(message: str) -> int:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that half a warehouse is cleared away
    sys.exit(main())
