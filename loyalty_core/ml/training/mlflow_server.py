"""An MLflow server and the calls of its REST API that log a training.

https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import requests

from loyalty_core.errors import LoyaltyError

# Limits per request and for all requests, so that a training does not wait for a server that hangs.
REQUEST_SECONDS = 3.0
_ALL_SECONDS = 8.0
_ARTIFACTS = "mlflow-artifacts:/"


class NotLogged(LoyaltyError):
    """The MLflow server did not accept the run; the training is not affected."""

    code = "not_logged"


class MlflowServer:
    """An MLflow server; every call raises `NotLogged` when it fails or takes too long."""

    def __init__(self, uri: str) -> None:
        address = urlsplit(uri)
        if address.scheme not in {"http", "https"}:
            raise NotLogged(
                "MLFLOW_TRACKING_URI is not the address of a server.",
                remedy="Start a server with “mlflow server”, and set its address, such as http://host:5000.",
            )
        self._name = address.hostname
        self._api = f"{uri.rstrip('/')}/api/2.0"
        self._session = requests.Session()
        self._deadline = time.monotonic() + _ALL_SECONDS

    def experiment(self, name: str) -> str:
        """The id of the experiment, which is created if necessary."""
        address = f"{self._api}/mlflow/experiments/get-by-name"
        found = self._send("GET", address, params={"experiment_name": name}, allow_missing=True)
        if found.ok:
            return found.json()["experiment"]["experiment_id"]
        return self.post("experiments/create", name=name)["experiment_id"]

    def post(self, call: str, **body: Any) -> dict[str, Any]:
        return self._send("POST", f"{self._api}/mlflow/{call}", json=body).json()

    def put(self, folder: str, name: str, text: str) -> None:
        """Upload a file of a run; `folder` is the run's artifact URI."""
        if not folder.startswith(_ARTIFACTS):
            raise NotLogged(
                f"{self._name} does not accept files; the metrics were logged.",
                remedy="Start it with --serve-artifacts.",
            )
        path = folder.removeprefix(_ARTIFACTS).strip("/")
        self._send("PUT", f"{self._api}/mlflow-artifacts/artifacts/{path}/{name}", data=text.encode())

    def _send(self, method: str, address: str, *, allow_missing: bool = False, **body: Any) -> requests.Response:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise NotLogged(f"{self._name} is too slow.")
        try:
            answer = self._session.request(method, address, timeout=min(left, REQUEST_SECONDS), **body)
        except requests.Timeout:
            raise NotLogged(f"{self._name} does not answer.") from None
        except requests.RequestException:
            raise NotLogged(f"{self._name} cannot be reached.") from None
        if not answer.ok and not (allow_missing and answer.status_code == requests.codes.not_found):
            raise NotLogged(f"{self._name} responds with status {answer.status_code}.", answer.text[:200])
        return answer
