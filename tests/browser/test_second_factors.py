"""An app is set up by its QR code, in words of ours; what was set up is listed, and taken away again."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.browser.test_every_page import LOOKS, faults_of
from tests.guarantees import guarantee
from tests.security.test_second_factors import STEP, code
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


@guarantee("X05", ci=1)
@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_an_app_is_set_up_by_its_picture(world: World, open_as: Open, theme: str, language: str, width: int) -> None:
    page = open_as(world.manager, "/settings/", theme=theme, language=language, width=width)
    page.goto("/accounts/2fa/totp/activate/")
    page.locator('[name="password"]').fill(PASSWORD)
    _press(page)
    page.wait_for_url("**/accounts/2fa/totp/activate/")
    picture = page.locator(".qr svg path")
    box = picture.bounding_box()
    assert box is not None and min(box["width"], box["height"]) > 120, "nobody can scan it"
    assert page.evaluate("getComputedStyle(document.querySelector('.qr')).backgroundColor") == "rgb(255, 255, 255)"
    assert not faults_of(page)
    secret = page.locator("#authenticator_secret").input_value()
    page.locator('[name="code"]').fill("000000")
    _press(page)
    assert page.locator(".summary").is_visible() and not faults_of(page)
    assert page.locator("#authenticator_secret").input_value() == secret, "the picture that was scanned is still right"
    time.sleep(max(0.0, 10 - STEP + time.time() % STEP))  # not at the end of a half minute
    page.locator('[name="code"]').fill(code(secret, time.time()))
    _press(page)
    page.wait_for_url("**/accounts/2fa/recovery-codes/")
    assert page.locator(".codes code").count() == 10 and not faults_of(page)
    for path in ("", "recovery-codes/generate/", "totp/deactivate/"):
        page.goto(f"/accounts/2fa/{path}")
        assert not faults_of(page), path
    _press(page)
    page.wait_for_url("**/accounts/2fa/")
    assert not Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()


def test_keys_are_listed_renamed_and_removed(world: World, open_as: Open) -> None:
    key = Authenticator.objects.create(
        user=world.manager, type=Authenticator.Type.WEBAUTHN, data={"name": "My laptop", "credential": {}}
    )
    code = RecoveryCodes.activate(world.manager).get_unused_codes()[0]
    page = open_as(world.manager, "/accounts/2fa/webauthn/")
    assert "My laptop" in page.locator("main").inner_text()
    assert not faults_of(page)
    _follow(page, "Rename", code)
    assert not faults_of(page)
    page.locator('[name="name"]').fill("Old laptop")
    _press(page)
    page.wait_for_url("**/accounts/2fa/webauthn/")
    assert "Old laptop" in page.locator("main").inner_text()
    _follow(page, "Remove", code)
    assert not faults_of(page)
    _press(page)
    assert not Authenticator.objects.filter(pk=key.pk).exists()


def _follow(page: Page, link: str, code: str) -> None:
    """A link of the list, by way of a recovery code where one is asked for."""
    with page.expect_navigation():
        page.get_by_role("link", name=link).click()
    if page.locator('[name="code"]').count():
        page.locator('[name="code"]').fill(code)
        _press(page)
    assert "/accounts/2fa/webauthn/" in page.url and not page.url.endswith("/webauthn/")


def _press(page: Page) -> None:
    """The form's own button, and the page that follows: the present address may be the next one's too."""
    with page.expect_navigation():
        page.locator("form.card .btn").first.click()
