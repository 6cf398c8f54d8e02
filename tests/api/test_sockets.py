"""The option of the sockets on which the process serves."""

import socket

import psutil
import pytest

from loyalty_core.api import disable_nagle_algorithm


def test_connections_inherit_the_option_from_the_listening_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        disable_nagle_algorithm()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_process_that_may_not_list_its_sockets_still_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_process: psutil.Process, _kind: str) -> None:
        raise psutil.AccessDenied(msg="not permitted")

    monkeypatch.setattr(psutil.Process, "net_connections", refuse)
    disable_nagle_algorithm()
    assert "the server's socket cannot be set up (not permitted" in caplog.text
