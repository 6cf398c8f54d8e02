import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "crm.example.com"),
        ("PUBLIC_URL", "https://user:password@crm.example.com"),
        ("PUBLIC_URL", "https://crm.example.com?x=1"),
        ("WEBHOOK_URL", "ftp://example.com/hook"),
        ("EMAIL_FROM", "Nordic Club"),
        ("EMAIL_FROM", "Club <a@example.com>\nBcc: b@example.com"),
        ("CONTACT_COLUMNS", "{"),
        ("CONTACT_COLUMNS", '{"consents": "a"}'),
        ("SENDING_PER_SECOND", '{"email": 0}'),
    ],
)
def test_values_that_cannot_work_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"Setting {name} has the value"):
        Settings()


@pytest.mark.parametrize(("name", "secret"), [("WEBHOOK_SECRET", "whsec_hunter2"), ("CONTACT_SECRET", "hunter2")])
def test_a_secret_is_not_shown_in_the_error(monkeypatch: pytest.MonkeyPatch, name: str, secret: str):
    monkeypatch.setenv(name, secret)
    with pytest.raises(SettingsError, match=name) as refused:
        Settings()
    assert "hunter2" not in str(refused.value)


def test_secrets_are_not_shown_in_the_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    assert "hunter2" not in repr(Settings())


def test_the_public_address_is_answered_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "crm.internal")
    monkeypatch.setenv("PUBLIC_URL", "https://Club.example.com:8443/loyalty/")
    settings = Settings()
    assert settings.public_url == "https://Club.example.com:8443/loyalty"
    assert settings.answered_hosts == ("crm.internal", "club.example.com")
