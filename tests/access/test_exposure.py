"""The start is refused where strangers could act as the local user."""

import pytest

from loyalty_core.access import require_protection
from loyalty_core.errors import SettingsError
from loyalty_core.settings import Settings


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]", "unix:///tmp/app.sock"])
def test_on_this_machine_alone_nobody_has_to_sign_in(address: str):
    require_protection(Settings(), address, {})


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.0.2.7", "no-such-host.invalid"])
def test_on_the_network_the_start_is_refused_without_sign_in(address: str | None):
    with pytest.raises(SettingsError, match="ALLOW_NETWORK_WITHOUT_SIGN_IN=true"):
        require_protection(Settings(), address, {})
    require_protection(Settings(allow_network_without_sign_in=True), address, {})
    require_protection(Settings(sign_in="openid"), address, {})
    require_protection(Settings(sign_in="proxy", trusted_proxies=("192.0.2.1",)), address, {})


@pytest.mark.parametrize("sign_in", ["off", "openid"])
def test_headers_that_anybody_can_forge_are_refused(sign_in: str):
    with pytest.raises(SettingsError, match="trustedUserHeaders"):
        require_protection(Settings(sign_in=sign_in), "127.0.0.1", {"X-User": "email"})


def test_a_proxy_has_to_be_named():
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        require_protection(Settings(sign_in="proxy"), "127.0.0.1", {})
