"""Mail goes out over TLS with a login, only to a server with the right certificate, and the password stays secret."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import AuthResult

from tests.fixtures.receivers import MailServer, mail_served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.campaigns.sending.conftest import Post
    from tests.fixtures.logs import ReadLog

PASSWORD = "open-sesame-17"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    key = file.with_suffix(".key")
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", *made, *names, "-keyout", key, "-out", file]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[MailServer]:
    """Accepts mail after STARTTLS and a login alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (b"club", PASSWORD.encode()), handled=False)

    with mail_served(tls_context=context, require_starttls=True, auth_required=True, authenticator=check) as server:
        yield server


@pytest.fixture
def secure_post(post: Post, secure_server: MailServer) -> Post:
    post.uses(
        smtp_host="localhost",
        smtp_port=secure_server.port,
        smtp_tls="starttls",
        smtp_user="club",
        smtp_password=PASSWORD,
    )
    return post


def test_mail_is_sent_over_tls_after_a_login(
    secure_post: Post, secure_server: MailServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, json_log: ReadLog
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    [message] = secure_post.queue("A", channel="email")
    assert secure_post.sender().send_due() == 1
    assert secure_post.message(message).status == "sent"
    assert secure_server.recipients == ["anna@example.com"]
    assert PASSWORD not in str(json_log())


def test_a_server_with_an_unknown_certificate_gets_neither_password_nor_mail(
    secure_post: Post, secure_server: MailServer, json_log: ReadLog
) -> None:
    [message] = secure_post.queue("A", channel="email")
    secure_post.sender().send_due()
    waiting = secure_post.message(message)
    assert waiting.status == "waiting"
    assert "SSLCertVerificationError" in str(waiting.reason)
    assert secure_server.mails == []
    assert PASSWORD not in f"{json_log()} {waiting.reason}"


def test_a_refused_login_is_reported_without_the_password(
    secure_post: Post, secure_server: MailServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, json_log: ReadLog
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    wrong = f"{PASSWORD}-mistyped"
    secure_post.uses(smtp_password=wrong)
    [message] = secure_post.queue("A", channel="email")
    secure_post.sender().send_due()
    waiting = secure_post.message(message)
    assert waiting.status == "waiting"
    assert "SMTPAuthenticationError" in str(waiting.reason)
    assert secure_server.mails == []
    assert wrong not in f"{json_log()} {waiting.reason}"
