"""Trainings logged to a server that speaks MLflow's REST API; a server that is not well costs a warning alone."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.bundles import read_manifest, version_folder, write_bundle
from loyalty_core.ml.training import mlflow_server
from loyalty_core.ml.training.tracking import log_training, without_rows
from loyalty_core.settings import Settings
from tests.ml.fixtures import bundle_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BASELINE = {"auc": 0.5, "pr_auc": 0.3, "log_loss": 0.7, "brier": 0.2, "calibration_error": 0.1}
METRICS = {
    **BASELINE,
    "auc": 0.81,
    "grade": "A",
    "sentence": "Good.",
    "deciles": [1],
    "baselines": {"base rate": BASELINE},
}


class Trained:
    """As much of a training as is logged: churn is new, the offers were carried over."""

    def __init__(self) -> None:
        self.parts = bundle_parts()
        self.parts.models["churn"].metrics.clear()
        self.parts.models["churn"].metrics.update(METRICS)
        self.parts.models["churn"].window["test_from"] = None
        self.findings = {"churn": ()}


class Server(ThreadingHTTPServer):
    """Stores what it receives, and answers as MLflow 3 does, with what `answers` has instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Callable[[], tuple[int, Any]]] = {}

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def received(self, ending: str) -> Any:
        return next(body for _, path, body in self.calls if path.endswith(ending))


ANSWERS = {
    "experiments/create": {"experiment_id": "7"},
    "runs/create": {"run": {"info": {"run_id": "abc", "artifact_uri": "mlflow-artifacts:/7/abc/artifacts"}}},
    "runs/log-batch": {},
    "runs/update": {},
}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "")
        self.server.calls.append((self.command, self.path, json.loads(content) if is_json else content.decode()))
        name = "/".join(self.path.partition("?")[0].split("/")[-2:])
        usual = (
            (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}) if "get-by-name" in name else (200, ANSWERS.get(name, {}))
        )
        status, body = self.server.answers.get(name, lambda: usual)()
        self.send_response(status)
        self.end_headers()
        with suppress(BrokenPipeError):  # nobody waits any more
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    do_GET = do_POST = do_PUT = answer  # noqa: N815 -- the names that http.server looks for

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def log(folder: Path, uri: str | None) -> tuple[str, str]:
    """The version, and what was logged of it."""
    settings, trained = Settings(models_dir=folder, mlflow_tracking_uri=uri), Trained()
    version = write_bundle(folder, trained.parts)
    return version, log_training(settings, version, trained)


def test_a_run_has_options_metrics_tags_and_files(server: Server, tmp_path: Path):
    version, said = log(tmp_path, server.uri)
    assert said == f"Logged to MLflow as run {version} of the experiment “Loyalty workbench”."
    run = server.received("runs/create")
    assert (run["experiment_id"], run["run_name"]) == ("7", version)
    assert {tag["key"]: tag["value"] for tag in run["tags"]} == {
        "version": version,
        "trained_by": "test",
        "trained_on": "",
    }
    batch = server.received("runs/log-batch")
    assert {one["key"]: one["value"] for one in batch["params"]} == {"churn.epochs": "20"}
    metrics = {one["key"]: one["value"] for one in batch["metrics"]}
    assert metrics == {
        **{f"churn.{name}": value for name, value in METRICS.items() if isinstance(value, float)},
        **{f"churn.base rate.{name}": value for name, value in BASELINE.items()},
    }
    assert "grade A. Good." in server.received("report.txt")
    assert server.calls[-1][2] == {"run_id": "abc", "status": "FINISHED", "end_time": server.calls[-1][2]["end_time"]}
    assert [path for method, path, _ in server.calls if method == "PUT"] == [
        f"/api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/{name}" for name in ("manifest.json", "report.txt")
    ]


def test_no_row_of_a_customer_leaves(server: Server, tmp_path: Path):
    version, _ = log(tmp_path, server.uri)
    manifest, _ = read_manifest(version_folder(tmp_path, version))
    rows = [*manifest["background"], *manifest["models"]["churn"]["golden"]["inputs"]]
    assert len(rows) > 70
    logged = json.dumps([body for *_, body in server.calls])
    assert not [value for row in rows for value in row if str(value) in logged]
    left = without_rows(manifest)
    assert (set(manifest) - set(left), left["features"]) == ({"background"}, manifest["features"])
    assert set(manifest["models"]["churn"]) - set(left["models"]["churn"]) == {"golden"}


def test_an_experiment_that_is_there_is_used(server: Server, tmp_path: Path):
    server.answers["experiments/get-by-name"] = lambda: (200, {"experiment": {"experiment_id": "3"}})
    log(tmp_path, server.uri)
    assert server.received("runs/create")["experiment_id"] == "3"
    assert not [path for _, path, _ in server.calls if path.endswith("experiments/create")]


def test_without_a_server_nothing_is_reported(tmp_path: Path):
    assert log(tmp_path, None)[1] == ""


@pytest.mark.parametrize(
    ("call", "answer", "said"),
    [
        ("runs/create", lambda: (500, b"disk full"), "127.0.0.1 responds with status 500. disk full"),
        ("runs/create", lambda: (200, b"<html>"), "is not an MLflow server."),
        ("runs/create", lambda: (200, {"hello": "world"}), "is not an MLflow server."),
        (
            "runs/create",
            lambda: (200, {"run": {"info": {"run_id": "abc", "artifact_uri": "s3://bucket/abc"}}}),
            "127.0.0.1 does not accept files; the metrics were logged. Start it with --serve-artifacts.",
        ),
    ],
)
def test_a_server_that_is_not_well(server: Server, tmp_path: Path, call: str, answer: Any, said: str):
    server.answers[call] = answer
    assert log(tmp_path, server.uri)[1].endswith(said)


def test_a_server_that_hangs(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    is_over = threading.Event()

    def hang() -> tuple[int, Any]:
        is_over.wait()
        return 200, {}

    monkeypatch.setattr(mlflow_server, "REQUEST_SECONDS", 0.3)
    server.answers["experiments/get-by-name"] = hang
    assert log(tmp_path, server.uri)[1].endswith("127.0.0.1 does not answer.")
    is_over.set()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://ann:secret@127.0.0.1:9", "Not logged to MLflow: 127.0.0.1 cannot be reached."),
        ("http://127.0.0.1:port", "127.0.0.1 cannot be reached."),
        ("file:///mlruns", "Start a server with “mlflow server”, and set its address, such as http://host:5000."),
    ],
)
def test_where_no_server_is(tmp_path: Path, uri: str, said: str):
    warning = log(tmp_path, uri)[1]
    assert warning.endswith(said)
    assert "secret" not in warning


def test_the_password_in_its_address_is_not_shown():
    assert "hunter2" not in repr(Settings(mlflow_tracking_uri="http://ann:hunter2@mlflow.example:5000"))
