"""The arguments of train_models_from_dwh.py."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

from loyalty_core.ml.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable

# Training options by name: how their text is read, and their help.
OPTION_FLAGS: dict[str, tuple[Callable[[str], Any], str]] = {
    "since": (date.fromisoformat, "use only rows of this day or later, for example 2026-01-31"),
    "until": (date.fromisoformat, "use only rows up to this day, for example without newest labels that are not final"),
    "channel": (str, "uplift: learn from contacts by this channel alone"),
    "epochs": (int, "maximum number of epochs"),
    "patience": (int, "epochs without a better validation loss before training stops"),
    "batch_size": (int, "rows per step"),
    "architecture": (
        lambda text: [int(part) for part in text.split(",") if part],
        "units of the hidden layers, for example 64,32",
    ),
    "activation": (str, "Keras activation of the hidden layers"),
    "dropout": (float, "dropout rate of hidden units"),
    "members": (int, "networks trained in parallel and averaged"),
    "pieces": (int, "linear pieces of each input's response curve"),
    "l2": (float, "penalty on squared weights"),
    "optimizer": (str, "Keras optimizer"),
    "learning_rate": (float, "initial learning rate"),
    "loss": (str, "Keras loss"),
    "class_weights": (str, "auto, balanced or none"),
    "teacher": (str, "auto learns from a mixture with boosted trees where it is better; none never does"),
    "seed": (int, "random seed; the same seed and rows give the same models"),
    "most_rows": (int, "maximum number of rows; the newest are used"),
}


def parser() -> argparse.ArgumentParser:
    """The parser of all arguments."""
    arguments = argparse.ArgumentParser(
        prog="loyalty train", description="Train the models on the warehouse's history."
    )
    arguments.add_argument("--model", choices=(*TASKS, "all"), default="all", help="the model to train (default: all)")
    arguments.add_argument("--no-activate", action="store_true", help="save the version without activating it")
    arguments.add_argument(
        "--promote-worse",
        action="store_true",
        help="activate a model even if it adds nothing or its labels are doubtful",
    )
    arguments.add_argument(
        "--accept-leak",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a feature that seems to give away the label, and is known before it nonetheless; may be repeated",
    )
    arguments.add_argument("--score", action="store_true", help="then score all customers")
    arguments.add_argument(
        "--progress", choices=("terminal", "jsonl"), default="terminal", help="format of progress reports"
    )
    instead = arguments.add_argument_group("instead of training").add_mutually_exclusive_group()
    instead.add_argument("--check", action="store_true", help="say what is found in the histories, without training")
    instead.add_argument(
        "--list", action="store_true", help="list all versions, newest first, with the active one marked"
    )
    instead.add_argument(
        "--compare",
        nargs="?",
        const="",
        metavar="VERSION",
        help="compare the active version with the newest, or with this one",
    )
    instead.add_argument("--activate", metavar="VERSION", help="activate a version")
    instead.add_argument("--rollback", action="store_true", help="activate the version that was active before")
    instead.add_argument("--test", metavar="VERSION", help="start an A/B test of a version against the active one")
    instead.add_argument("--stop-test", action="store_true", help="stop the A/B test")
    arguments.add_argument("--share", type=float, metavar="SHARE", help="share of customers for --test (default: 0.2)")
    options = arguments.add_argument_group("training options, for all models trained")
    for name, (reader, text) in OPTION_FLAGS.items():
        options.add_argument(f"--{name.replace('_', '-')}", type=reader, metavar="VALUE", help=text)
    return arguments


def about_versions(given: argparse.Namespace) -> list[str]:
    """The arguments for the versions command, if one of its options is given; empty for a training."""
    leaks = [argument for feature in given.accept_leak for argument in ("--accept-leak", feature)]
    if given.activate:
        return ["activate", given.activate, *leaks]
    if given.compare is not None:
        return ["compare", *filter(None, [given.compare])]
    if given.test:
        return ["test", given.test, *leaks, *(["--share", str(given.share)] if given.share is not None else [])]
    chosen = {"rollback": given.rollback, "list": given.list, "stop-test": given.stop_test}
    return [command for command, wanted in chosen.items() if wanted]
