"""A typed client that a generator makes from openapi.json: without warnings, and it works."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from loyalty_core.api import create_api
from loyalty_core.services import get_services
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "generated_loyalty_client"


def generate(folder: Path) -> None:
    """Write the client's package into the folder; a warning is a failure."""
    (folder / "openapi.json").write_text(json.dumps(create_api().openapi()))
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    files = ["--path", "openapi.json", "--config", "config.json", "--output-path", PACKAGE]
    made = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.slow
def test_the_generated_client_predicts(trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    client = importlib.import_module(PACKAGE)
    models = importlib.import_module(f"{PACKAGE}.models")
    predict_churn = importlib.import_module(f"{PACKAGE}.api.predictions.predict_churn")

    async def ask(customer_id: str) -> Any:
        transport = httpx.ASGITransport(create_api())
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as connection:
            caller = client.Client(base_url="http://api").set_async_httpx_client(connection)
            body = models.PredictionRequest(customer_id=customer_id)
            return (await predict_churn.asyncio_detailed(client=caller, body=body)).parsed

    answer = asyncio.run(ask(GUIDE_CUSTOMER))
    assert isinstance(answer, models.ChurnPrediction)
    assert answer.to_dict() == get_services().inference.predict_churn(GUIDE_CUSTOMER)
    refusal = asyncio.run(ask("nobody"))
    assert isinstance(refusal, models.Error)
    assert refusal.error == "customer_not_found"
