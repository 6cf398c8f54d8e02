"""The sockets on which this process serves."""

import logging
import os
import socket

import psutil

_log = logging.getLogger(__name__)


def disable_nagle_algorithm() -> None:
    """Let each answer leave as soon as it is written; call it once the server listens.

    A web server writes headers and body separately. With Nagle's algorithm the body waits until the client has
    acknowledged the headers, which it delays by some 40 ms. asyncio disables it only on its own sockets, and
    Streamlit makes its own. Connections inherit the option from the socket that accepts them.
    """
    try:
        for connection in psutil.Process().net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                with socket.socket(fileno=os.dup(connection.fd)) as listening:
                    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (psutil.Error, OSError) as error:
        _log.warning("Answers take 40 ms longer than they need: the server's socket cannot be set up (%s).", error)
