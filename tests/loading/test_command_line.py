"""The loading and demo commands: what they print, where, and with which exit code."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loyalty_core.demo.__main__ import main as demo
from loyalty_core.loading import LoadReport
from loyalty_core.loading.command import main
from loyalty_core.loading.command_line import run as run_command
from loyalty_core.loading.next_steps import loyalty_command
from loyalty_core.loading.warehouse_file import write_warehouse
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.history import read_history
from loyalty_core.warehouse.offers import offer_names
from loyalty_core.warehouse.source import describe_source
from tests.datasets import ONLINE_RETAIL, TELCO
from tests.fixtures.loading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Export = Callable[..., Path]

pytestmark = pytest.mark.extended

ROOT = Path(__file__).parents[2]
CUSTOMERS = "id,left,points\na,yes,5\nb,no,6\nb,no,6\n"


def run(command: str, *arguments: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"loyalty_core.{command}", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STATE_DATABASE_URL": "sqlite:///none.db"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_telco_in_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("loading", "features", TELCO, "--offer", "Contract", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Read 7,043 rows of Telco-Customer-Churn.csv.gz.\nLeft out: none.\n" in done.stdout
    assert "Column TotalCharges: 11 blank values became empty (NULL)." in done.stdout
    assert (
        "  customer_churn_history: 7,043 rows\n  customer_offer_history: 7,043 rows\n  offers: 3 rows\n" in done.stdout
    )
    assert re.search(r"Next:\n  \S*loyalty train --score\n  \S*loyalty run\n$", done.stdout)
    # What it wrote is all that training and scoring need.
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    mapping = settings.ml_feature_mapping
    assert settings.ml_model_input_size == len(mapping) == 18
    assert mapping["revenue"] == "TotalCharges"
    assert {"PaymentMethod", "SeniorCitizen", "tenure"} <= set(mapping)
    assert {"Contract", "Churn", "customerID"}.isdisjoint(mapping.values())
    with closing(Warehouse(settings)) as warehouse:
        histories = [read_history(warehouse, task.history, mapping) for task in (CHURN, NBO)]
        assert [len(history) for history in histories] == [7043, 7043]
        assert offer_names(warehouse) == {1: "Month-to-month", 2: "One year", 3: "Two year"}
        assert describe_source(warehouse).newest is None  # the day of the data is not known


def test_online_retail_in_one_command(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--customer", "CustomerID", "--date", "InvoiceDate", "--amount", "Quantity*UnitPrice"]
    options = [*columns, "--transaction", "InvoiceNo", "--out", str(out)]
    assert main(["transactions", str(ONLINE_RETAIL), *options]) == 0
    done = capsys.readouterr()
    assert done.err == ""
    assert "397,884 lines, 18,532 transactions of 4,338 customers, revenue 8,911,407.90" in done.out
    assert "  customer_features_view: 4,338 rows\n  customer_churn_history: 18,393 rows\n" in done.out
    assert "ml_feature_mapping" not in done.out  # the view has the documented columns


def test_the_demo_in_one_command(out: Path) -> None:
    done = run("demo", "--customers", 200, "--seed", 3, "--snapshot", "2024-06-01", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Simulated 200 customers.\n")
    facts = dict(rows_of(out, "FROM warehouse_info"))
    assert (facts["source"], facts["snapshot_date"]) == ("demo", "2024-06-01")


def test_the_default_file_is_the_one_that_the_app_opens(
    export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = export(CUSTOMERS)
    monkeypatch.chdir(tmp_path)
    assert main(["features", str(file), "--id", "id"]) == 0
    address = Settings().dwh_url
    assert rows_of(tmp_path / address.removeprefix("duckdb:///"), "SELECT count(*) FROM customer_features_view") == [
        (2,)
    ]
    program = loyalty_command()  # with its path where a shell does not find it by name
    assert capsys.readouterr().out.splitlines()[-3:] == ["Next:", f"  {program} train --score", f"  {program} run"]


def test_the_folder_is_named_where_a_step_would_fail_here(
    export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that was installed without its folder finds neither the app nor the options of trainings."""
    file = export(CUSTOMERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("loyalty_core.files.__file__", str(tmp_path / "site-packages" / "loyalty_core" / "files.py"))
    assert main(["features", str(file), "--id", "id"]) == 0
    heading, *steps = capsys.readouterr().out.splitlines()[-3:]
    assert heading == "Next, in the workbench's folder, with the settings of loyalty.toml here:"
    warehouse = f"DWH_URL=duckdb:///{tmp_path / Settings().dwh_url.removeprefix('duckdb:///')}"
    assert steps == [f"  {warehouse} {loyalty_command()} {step}" for step in ("train --score", "run")]


def test_no_step_is_named_that_is_certain_to_fail(
    export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = export("customer_id,favourite\n7,tea\n8,coffee\n")
    monkeypatch.chdir(tmp_path)
    assert main(["features", str(file)]) == 0
    said, *steps = capsys.readouterr().out.splitlines()[-3:]
    assert said.endswith("customers can be scored neither by a model nor by RFM.")
    assert steps == ["Next:", f"  {loyalty_command()} run"]


def test_a_file_without_a_history_is_scored_by_rfm(
    export: Export, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = "customer_id,total_revenue,transaction_count,days_since_last_transaction"
    file = export(header + "".join(f"\n{n},{n * 7 % 90 + 0.5},{n % 6 + 2},{n * 11 % 80}" for n in range(1, 60)) + "\n")
    monkeypatch.chdir(tmp_path)
    assert main(["features", str(file)]) == 0
    program = loyalty_command()
    said, *steps = capsys.readouterr().out.splitlines()[-4:]
    assert said.endswith("customers can be scored by RFM alone.")
    assert steps == ["Next:", f"  {program} score", f"  {program} run"]


def test_every_option_of_a_customer_file_counts(export: Export, out: Path) -> None:
    file = export("id,left,joined\na,yes,01/02/2020\nb,no,03/04/2020\n")
    options = ["--churn", "left", "--snapshot", "2020-12-31", "--date-order", "day-first", "--out", str(out)]
    assert main(["features", str(file), "--id", "id", *options]) == 0
    assert rows_of(out, "FROM customer_churn_history ORDER BY customer_id") == [
        ("a", date(2020, 2, 1), 334, 1, date(2020, 12, 31)),
        ("b", date(2020, 4, 3), 272, 0, date(2020, 12, 31)),
    ]


def test_the_options_on_how_a_file_is_written_count(export: Export, out: Path) -> None:
    file = export("id;paid;vip;city\n1;1.250;1;\u0141\u00f3d\u017a\n2;keine;0;Oslo\n", encoding="cp1250")
    written = ["--decimal", ",", "--thousands", ".", "--blank", "keine", "--number", "vip", "--encoding", "cp1250"]
    assert main(["features", str(file), "--id", "id", *written, "--out", str(out)]) == 0
    assert rows_of(out, "FROM customer_features_view ORDER BY customer_id") == [
        ("1", 1250.0, 1, "\u0141\u00f3d\u017a"),
        ("2", None, 0, "Oslo"),
    ]


def test_every_option_of_a_log_counts(export: Export, out: Path) -> None:
    lines = ["I1,a,01/02/2020,5,2", "I1,a,01/02/2020,1,1", "I2,b,02/03/2020,5,-1", "I3,a,04/04/2020,1,1"]
    file = export("\n".join(["inv,who,day,paid,pieces", *lines]))
    options = ["--transaction", "inv", "--quantity", "pieces", "--date-order", "day-first", "--churn-days", "20"]
    columns = ["--customer", "who", "--date", "day", "--amount", "paid"]
    assert main(["transactions", str(file), *columns, *options, "--out", str(out)]) == 0
    assert rows_of(out, "FROM transactions ORDER BY transaction_id") == [
        ("I1", "a", datetime(2020, 2, 1), 6.0, 3.0),
        ("I3", "a", datetime(2020, 4, 4), 1.0, 1.0),
    ]
    query = "SELECT snapshot_date, churned FROM customer_churn_history"
    assert rows_of(out, query) == [(date(2020, 3, 1), 1)]


def test_own_data_is_replaced_only_with_overwrite(
    export: Export, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load = ["features", str(export(CUSTOMERS)), "--id", "id", "--out", str(out)]
    assert main(load) == 0
    capsys.readouterr()
    assert main(load) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert "Add --overwrite" in output.err
    assert demo(["--customers", "50", "--out", str(out)]) == 1
    assert main([*load, "--overwrite"]) == 0


_LOG = ["transactions", "a.csv", "--customer", "c", "--date", "d", "--amount", "e"]


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (demo, [], "the following arguments are required: --customers"),
        (demo, ["--customers", "0"], "'0' is not a whole number of 1 or more"),
        (demo, ["--customers", "-5"], "'-5' is not a whole number of 1 or more"),
        (demo, ["--customers", "many"], "'many' is not a whole number of 1 or more"),
        (demo, ["--customers", "5", "--id", "a"], "unrecognized arguments: --id a"),
        (demo, ["--customers", "5", "--seed", "x"], "invalid int value: 'x'"),
        (demo, ["--customers", "5", "--snapshot", "1/2/2024"], "'1/2/2024' is not a date such as 2024-12-31"),
        (demo, ["--from-features", "a.csv", "--id", "a", "--customers", "5"], "unrecognized arguments: --customers 5"),
        (demo, ["--from-features", "a.csv", "--from-transactions", "b.csv"], "not allowed with --from-features"),
        (demo, ["--from-features"], "argument --from-features: expected one argument"),
        (main, [], "the following arguments are required: features|transactions"),
        (main, ["features"], "the following arguments are required: FILE"),
        (main, ["features", "a.csv", "--offers-column", "who=a"], "'who=a' is not such as offer=coupon"),
        (main, ["features", "a.csv", "--id", "a", "--seed", "1"], "unrecognized arguments: --seed 1"),
        (main, ["features", "a.csv", "--id", "a", "--amount", "b"], "unrecognized arguments: --amount b"),
        (main, ["features", "a.csv", "--id", "a", "--snapshot", "31.12.2024"], "is not a date such as 2024-12-31"),
        (main, ["transactions"], "the following arguments are required: FILE"),
        (main, [*_LOG, "--churn-days", "0"], "'0' is not a whole number of 1 or more"),
        (main, [*_LOG, "--churn", "f"], "unrecognized arguments: --churn f"),
        (main, ["features", "a.csv", "--id", "a", "--date-order", "year-first"], "invalid choice: 'year-first'"),
        (main, ["features", "a.csv", "--id", "a", "--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_wrong_options_are_reported_in_one_line(
    command: Callable[[list[str]], int], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(arguments)
    assert stopped.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert message in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--from-features", "{file}", "--id", "id"], ["--id", "id", "--from-features={file}"]]
)
def test_the_demo_command_still_loads_a_file(
    export: Export, out: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(export(CUSTOMERS))
    assert demo([*(option.format(file=file) for option in options), "--churn", "left", "--out", str(out)]) == 0
    assert "1 of 2 customers churned (left)" in capsys.readouterr().out
    assert rows_of(out, "FROM customer_features_view ORDER BY customer_id") == [("a", 5), ("b", 6)]


def test_the_demo_command_still_loads_a_log(export: Export, out: Path) -> None:
    file = str(export("who,day,paid\na,2024-01-01,5\n"))
    columns = ["--customer", "who", "--date", "day", "--amount", "paid"]
    assert demo(["--from-transactions", file, *columns, "--out", str(out)]) == 0
    assert rows_of(out, "SELECT customer_id, amount FROM transactions") == [("a", 5.0)]


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (b"", ["--id", "id"]),
        (b"id,a\n1,2,3\n", ["--id", "id"]),
        (b"id,a\n1,2\n", ["--id", "nr"]),
        (b'id,"a\nb"\n1,2\n', ["--id", "a b c"]),
        (b"id,a\n1,maybe\n", ["--id", "id", "--churn", "a"]),
        (bytes(range(256)), ["--id", "id"]),
    ],
)
def test_a_file_that_cannot_be_used_is_reported_in_one_line(
    export: Export, out: Path, content: bytes, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["features", str(export(content)), *arguments, "--out", str(out)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: export.csv ") or output.err.startswith("error: Column a ")
    assert output.err.count("\n") == 1


def test_an_unwritable_path_is_reported_in_one_line(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", str(export(CUSTOMERS)), "--id", "id", "--out", "/proc/w.duckdb"]) == 1
    output = capsys.readouterr().err
    assert output.startswith("error: The warehouse /proc/w.duckdb could not be written.")
    assert output.count("\n") == 1


STOPPED_AT_THE_LAST_STEP = """
import os, runpy, signal, sys

def stop(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("made.duckdb"):
        assert os.path.exists(arguments[0])
        os.kill(os.getpid(), signal.SIGTERM)

sys.addaudithook(stop)
runpy.run_module("loyalty_core.loading", run_name="__main__")
"""


def test_a_load_that_is_stopped_leaves_nothing(export: Export, out: Path) -> None:
    arguments = ["features", str(export(CUSTOMERS)), "--id", "id", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_THE_LAST_STEP, *arguments],
        cwd=ROOT,
        env={**os.environ, "STATE_DATABASE_URL": "sqlite:///none.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: Stopped; nothing was written.\n")
    assert list(out.parent.iterdir()) == []


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores interruptions, and so would these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_query_that_is_interrupted_stops_the_command(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = threading.Event()

    def interrupt() -> None:
        """More than once: a signal is lost if Python handles it where exceptions are ignored, as in a finalizer."""
        while not stopped.wait(1.0):
            os.kill(os.getpid(), signal.SIGINT)

    def load() -> list[str]:
        with write_warehouse(out) as connection:
            threading.Thread(target=interrupt, daemon=True).start()
            try:
                connection.execute("SELECT count(*) FROM range(1_000_000_000_000) WHERE hash(range) % 7 = 3")
            finally:
                stopped.set()
        return []

    assert run_command(load, out, "loaded") == 1
    assert capsys.readouterr().err == "error: Stopped; nothing was written.\n"
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["demo"], ["--customers", "--seed", "--snapshot", "--overwrite", "--from-features", "--from-transactions"]),
        (
            ["loading", "features"],
            ["--id", "--churn", "--churned", "--offers", "--feature", "--overwrite"],
        ),
        (["loading", "transactions"], ["--customer", "--date", "--amount", "--quantity", "--churn-days", "--out"]),
    ],
)
def test_help_names_every_option(arguments: list[str], options: list[str]) -> None:
    done = run(*arguments, "--help")
    assert done.returncode == 0
    assert [option for option in options if option not in done.stdout] == []


def test_a_report_with_many_remarks_is_cut() -> None:
    report = LoadReport("a.csv", 5, "5 customers", {}, [f"Remark {number}." for number in range(250)])
    assert len(report.lines()) == 44
    assert report.lines()[-1] == "There are 210 more remarks like these."
