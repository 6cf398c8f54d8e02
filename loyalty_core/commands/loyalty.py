"""The `loyalty` command: every command of the product under one name.

Each sub-command passes its options on to the module that `python -m` runs as well, and loads it only then, so that
`loyalty --help` starts in an instant.
"""

import runpy
import subprocess
import sys
from pathlib import Path

import typer

TRAINING_SCRIPT = Path("train_models_from_dwh.py")
_SERVER = Path("serve.py")

# The command behind it parses its own options, `--help` included.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(name="loyalty", no_args_is_help=True, add_completion=False, help="The loyalty workbench.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context) -> None:
    """Start the dashboard and the HTTP API; options go to Streamlit, for example --server.port 9000."""
    from loyalty_core.demo.prepare import main as prepare  # noqa: PLC0415

    _require(_SERVER)
    if exit_code := prepare():
        raise typer.Exit(exit_code)
    command = [sys.executable, "-m", "streamlit", "run", str(_SERVER), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603


@app.command(context_settings=_PASSED_ON)
def train(context: typer.Context) -> None:
    """Train the models on the warehouse's history."""
    _require(TRAINING_SCRIPT)
    # The script holds the options that people edit, so it is run as it is.
    sys.argv = [str(TRAINING_SCRIPT), *context.args]
    runpy.run_path(str(TRAINING_SCRIPT), run_name="__main__")


@app.command(context_settings=_PASSED_ON)
def score(context: typer.Context) -> None:
    """Predict for every customer, write the predictions, and compute the members of all segments."""
    from loyalty_core.ml.scoring.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def versions(context: typer.Context) -> None:
    """List, compare, activate, roll back and test model versions."""
    from loyalty_core.ml.versions.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def store(context: typer.Context) -> None:
    """Back up, restore and check the state store."""
    from loyalty_core.store.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def load(context: typer.Context) -> None:
    """Load your own customers or purchases from a file into a local warehouse."""
    from loyalty_core.loading.command import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


@app.command(context_settings=_PASSED_ON)
def demo(context: typer.Context) -> None:
    """Create a demo warehouse: a simulated loyalty programme in one DuckDB file."""
    from loyalty_core.demo.__main__ import main  # noqa: PLC0415

    raise typer.Exit(main(context.args))


def _require(script: Path) -> None:
    if not script.exists():
        typer.echo(f"error: {script} is not in this folder. Change to the folder of the workbench first.", err=True)
        raise typer.Exit(2)
