"""The second factor of a decision in a real browser: a code without scripts, a passkey with them; input is kept."""

import pytest
from allauth.mfa.models import Authenticator
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from approvals.models import Decision
from cases.models import Team
from tests.approvals.test_step_up import enrol, shown
from tests.browser.conftest import Open
from tests.browser.test_every_page import LOOKS, RULES
from tests.browser.test_passkeys import AUTHENTICATOR
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


@pytest.fixture
def world(world: World) -> World:
    Team.objects.filter(pk=world.managers.pk).update(step_up=True)
    return world


def at(world: World) -> str:
    return f"/approvals/{world.approval.pk}/"


def test_without_scripts_a_code_decides_and_what_was_unfolded_is_kept(world: World, open_as: Open) -> None:
    secret = enrol(world.manager)
    page = open_as(world.manager, at(world), script=False, width=390)
    page.locator('[name="option"][value="partial"]').check()
    page.locator("#reason").fill("Half was on time")
    expect(page.locator("pre").first).to_be_hidden()
    page.locator("#unfold-raw").check()
    expect(page.locator("pre").first).to_be_visible()
    page.locator("[data-confirm]").click()
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    page.locator("#code").fill("000000")
    page.locator("[data-confirm]").click()
    expect(page.locator(".summary")).to_contain_text("wrong or was used already")
    page.locator("#code").fill(shown(secret))
    expect(page.locator("[data-confirm]")).to_have_text("Partial refund, HK$240.00")
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    decision = Decision.objects.get()
    assert (decision.option, decision.reason, decision.step_up) == ("partial", "Half was on time", "totp")
    assert decision.reading.opened == ["raw"] and decision.reading.seconds < 60


def test_what_was_folded_again_was_still_opened(world: World, open_as: Open) -> None:
    Team.objects.update(step_up=False)
    page = open_as(world.manager, at(world))
    page.locator("#unfold-raw").check()
    page.locator("#unfold-raw").uncheck()
    page.locator('[name="option"][value="full"]').check()
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    assert Decision.objects.get().reading.opened == ["raw"]


def test_a_passkey_decides(world: World, open_as: Open) -> None:
    page = open_as(world.manager, "/settings/")
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/accounts/2fa/webauthn/add/")
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.locator('[name="password"]').fill(PASSWORD)
    page.locator("form.card button, form button[type=submit]").first.click()
    page.wait_for_url("**/accounts/2fa/webauthn/add/")
    page.locator('[name="name"]').fill("My laptop")
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url(lambda url: "webauthn/add" not in url)
    assert Authenticator.objects.filter(user=world.manager, type=Authenticator.Type.WEBAUTHN).count() == 1

    page.goto(at(world))
    page.locator('[name="option"][value="full"]').check()
    page.locator("[data-confirm]").click()
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    page.locator("#step-up-passkey").click()
    page.wait_for_url("**/approvals/")
    decision = Decision.objects.get()
    assert (decision.option, decision.step_up) == ("full", "webauthn")


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_the_step_has_no_accessibility_fault(
    world: World, open_as: Open, theme: str, language: str, width: int
) -> None:
    page = open_as(world.manager, at(world), theme=theme, language=language, width=width)
    faults = []
    for prepare in (lambda: None, lambda: enrol(world.manager)):
        prepare()
        page.goto(at(world))
        page.locator('[name="option"][value="full"]').check()
        page.locator("[data-confirm]").click()
        page.wait_for_url("**/decide/")
        faults += Axe().run(page, options=RULES).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in faults] == []
