"""What every test of a screen needs."""

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def collected() -> None:
    """As in serve.py: Streamlit collects garbage after every run, and with all test libraries loaded it takes long."""
    gc.collect()
    gc.freeze()
