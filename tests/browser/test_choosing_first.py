"""Choosing first in a real browser: no tag, no preselection, and the reason where the suggestion shows."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from approvals.models import Approval, Decision
from cases.models import RequestType
from tests.browser.conftest import Open
from tests.browser.test_every_page import RULES
from tests.world import World

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("language", "width", "script"), [("en", 1280, True), ("zh-hant", 390, False)])
def test_the_suggestion_shows_once_there_is_a_choice(
    world: World, open_as: Open, language: str, width: int, script: bool
) -> None:
    RequestType.objects.update(suggestion_after_choice=True)
    Approval.objects.update(risk="high")
    page = open_as(world.manager, f"/approvals/{world.approval.pk}/", language=language, width=width, script=script)
    expect(page.locator(".tag.ai")).to_have_count(0)
    expect(page.locator('input[name="option"]:checked')).to_have_count(0)
    page.locator('input[name="option"][value="partial"]').check()
    page.locator("[data-confirm]").click()
    expect(page.locator("#suggestion")).to_be_visible()
    expect(page.locator(".tag.ai")).to_have_count(1)
    page.locator("[data-confirm]").click()
    expect(page.locator("#reason")).to_have_attribute("aria-invalid", "true")
    if script:
        expect(page.locator(".summary")).to_be_focused()
        assert Axe().run(page, options=RULES).response["violations"] == []
    page.locator(".chips label").nth(1).click()
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    decision = Decision.objects.get()
    assert (decision.option, decision.reason_code) == ("partial", "Not enough proof")
