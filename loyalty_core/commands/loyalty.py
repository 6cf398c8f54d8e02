"""The `loyalty` command, with all commands of the product as sub-commands.

Each sub-command passes its options to the same `main` as the `python -m` form, and imports it only then, so that
`loyalty --help` is fast.
"""

import runpy
import subprocess
import sys
from pathlib import Path

import typer

from loyalty_core.files import workbench_file

TRAINING_SCRIPT = "train_models_from_dwh.py"
_SERVER = "serve.py"

# The called command parses its own options, including `--help`.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(name="loyalty", no_args_is_help=True, add_completion=False, help="Commands of the loyalty workbench.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context) -> None:
    """Start the dashboard and the HTTP API; options are passed to Streamlit, for example --server.port 9000."""
    from loyalty_core.demo.prepare import main as prepare  # noqa: PLC0415

    server = _require(_SERVER)
    if exit_code := prepare():
        raise typer.Exit(exit_code)
    command = [sys.executable, "-m", "streamlit", "run", str(server), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603


@app.command(context_settings=_PASSED_ON)
def train(context: typer.Context) -> None:
    """Train the models on the warehouse's history."""
    script = str(_require(TRAINING_SCRIPT))
    # Run as a script, since it contains the options that people edit.
    sys.argv = [script, *context.args]
    runpy.run_path(script, run_name="__main__")


@app.command(context_settings=_PASSED_ON)
def score(context: typer.Context) -> None:
    """Score all customers, write the predictions, and refresh all segments."""
    from loyalty_core.ml.scoring.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def versions(context: typer.Context) -> None:
    """List, compare, activate, roll back and A/B test model versions."""
    from loyalty_core.ml.versions.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def store(context: typer.Context) -> None:
    """Back up, restore and check the state store."""
    from loyalty_core.store.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def access(context: typer.Context) -> None:
    """Give people roles, sign them out, and create or revoke API keys."""
    from loyalty_core.accounts.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def send(context: typer.Context) -> None:
    """Send the messages of campaigns that are due, in a process of its own."""
    from loyalty_core.campaigns.sending.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(name="campaigns-history", context_settings=_PASSED_ON)
def campaigns_history(context: typer.Context) -> None:
    """Write what campaigns sent, and the outcomes, to a file for training."""
    from loyalty_core.campaigns.sending.history_command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def load(context: typer.Context) -> None:
    """Load your own customers or purchases from a file into a local warehouse."""
    from loyalty_core.loading.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def events(context: typer.Context) -> None:
    """Consume events from Kafka or a file and apply them, beside the server or instead of it."""
    from loyalty_core.events.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def demo(context: typer.Context) -> None:
    """Create a demo warehouse: a simulated loyalty programme in one DuckDB file."""
    from loyalty_core.demo.__main__ import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


def _require(name: str) -> Path:
    script = workbench_file(name)
    if not script.is_file():
        typer.echo(f"error: {name} is not in this folder. Change to the workbench's folder first.", err=True)
        raise typer.Exit(2)
    return script
