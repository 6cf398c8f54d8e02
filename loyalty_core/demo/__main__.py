"""Simulate a loyalty programme as a local warehouse.

loyalty demo --customers 20000

--from-features FILE and --from-transactions FILE are aliases of loyalty load features FILE and loyalty load
transactions FILE, with the options of that command.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from loyalty_core.access import terminal_command
from loyalty_core.loading.command import main as load
from loyalty_core.loading.command_line import OneLineParser, add_output_options, day, positive, run, stop_cleanly
from loyalty_core.loading.mapping_file import use_mapping
from loyalty_core.loading.next_steps import start_step
from loyalty_core.settings import recommend_mapping

_LOADING = {"from_features": "features", "from_transactions": "transactions"}


@terminal_command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 1 after an error, reported in one line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if loading := _as_loading(arguments):
        return load(loading)
    options = _parser().parse_args(arguments)
    return run(
        lambda: _simulate(options),
        options.out,
        "simulated",
        lambda: [*_use_mapping(options.out), start_step(options.out)],
    )


def _as_loading(arguments: Sequence[str]) -> list[str] | None:
    """The arguments for the loading command; None if no file is to be loaded."""
    parser = OneLineParser(add_help=False, allow_abbrev=False)
    for name in _LOADING:
        parser.add_argument(f"--{name.replace('_', '-')}")
    options, others = parser.parse_known_args(arguments)
    files = {kind: file for name, kind in _LOADING.items() if (file := getattr(options, name)) is not None}
    if len(files) > 1:
        parser.error("--from-transactions is not allowed with --from-features")
    return next(([kind, file, *others] for kind, file in files.items()), None)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="loyalty demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--customers", type=positive, required=True, metavar="N", help="number of customers")
    parser.add_argument("--seed", type=int, help="random seed; another seed gives another programme of the same kind")
    parser.add_argument("--snapshot", type=day, metavar="DATE", help="date of the data, for example 2024-12-31")
    add_output_options(parser)
    return parser


def _simulate(options: argparse.Namespace) -> list[str]:
    from loyalty_core.demo.generate import generate  # noqa: PLC0415 (files load without the simulation)

    chosen = {name: value for name in ("seed", "snapshot") if (value := getattr(options, name)) is not None}
    generate(options.out, options.customers, overwrite=options.overwrite, **chosen)
    return [f"Simulated {options.customers:,} customers."]


def _use_mapping(out: Path) -> list[str]:
    """Have the models learn from every feature in which causes show, unless the settings name others."""
    from loyalty_core.demo.generate import MAPPING  # noqa: PLC0415 (files load without the simulation)

    lines = use_mapping(out, None)
    recommend_mapping(out, MAPPING)
    return lines


if __name__ == "__main__":
    stop_cleanly()
    sys.exit(main())
