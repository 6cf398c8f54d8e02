import stat
from pathlib import Path

import pytest

from loyalty_core.campaigns.sending import BadLink, ContactLinks, Recipient
from loyalty_core.errors import SettingsError
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore

RECIPIENT = Recipient("Åse/1 <x>", "email", "key-1")


def test_a_link_names_its_recipient_behind_a_base_path(tmp_path: Path):
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        links = ContactLinks(Settings(public_url="https://example.com/loyalty/"), store)
        url = links.unsubscribe_url(RECIPIENT)
        start = "https://example.com/loyalty/api/loyalty/v1/contact/unsubscribe/"
        assert url.startswith(start)
        assert links.read(url.removeprefix(start).rstrip("/")) == RECIPIENT
        assert links.preferences_url(RECIPIENT) == url.replace("/unsubscribe/", "/preferences/")


def test_the_secret_is_made_once_for_this_account_alone(tmp_path: Path):
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        token = ContactLinks(Settings(), store).token(RECIPIENT)
        file = tmp_path / "contact-secret"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert ContactLinks(Settings(), store).read(token) == RECIPIENT
        file.write_text("short")
        with pytest.raises(SettingsError, match="too short"):
            ContactLinks(Settings(), store).read(token)


def test_a_changed_link_is_refused(tmp_path: Path):
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        links = ContactLinks(Settings(contact_secret="a secret of this test"), store)
        token = links.token(RECIPIENT)
        for changed in (token[:-1], f"x{token}", "", token * 99, token.replace(".", "")):
            with pytest.raises(BadLink):
                links.read(changed)


def test_several_machines_need_a_stated_secret_and_an_address():
    with StateStore("postgresql://localhost/none") as store:
        with pytest.raises(SettingsError, match="CONTACT_SECRET is not set"):
            ContactLinks(Settings(public_url="https://example.com"), store).unsubscribe_url(RECIPIENT)
        with pytest.raises(SettingsError, match="PUBLIC_URL is not set"):
            ContactLinks(Settings(), store).unsubscribe_url(RECIPIENT)
