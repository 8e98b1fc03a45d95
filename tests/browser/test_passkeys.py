"""A passkey is made and signs in, with Chromium's own authenticator in the place of a finger."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator

from tests.browser.conftest import Open
from tests.guarantees import guarantee
from tests.world import World

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@guarantee("X05", ci=1)
def test_a_passkey_is_made_and_signs_in_without_a_password(world: World, open_as: Open, live_server: Any) -> None:
    page = open_as(world.manager, "/settings/")
    page.context.clear_cookies()
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    page.goto("/accounts/login/?next=/accounts/2fa/webauthn/add/")
    page.locator('[name="login"]').fill("may.lee")
    page.locator('[name="password"]').fill("a-long-test-password")
    page.locator("form.card .btn").click()
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.locator('[name="password"]').fill("a-long-test-password")
    page.locator("form.card button, form button[type=submit]").first.click()
    page.wait_for_url("**/accounts/2fa/webauthn/add/")
    page.locator('[name="name"]').fill("My laptop")
    page.locator('[name="passwordless"]').check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(lambda url: "webauthn/add" not in url)
    assert Authenticator.objects.filter(user=world.manager, type=Authenticator.Type.WEBAUTHN).count() == 1

    page.context.clear_cookies()
    page.goto("/approvals/")
    page.wait_for_url("**/accounts/login/**")
    page.locator("#passkey_login").click()
    page.wait_for_url("**/approvals/")
    assert page.locator("h1").first.is_visible()
