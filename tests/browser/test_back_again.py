"""A session ends while somebody writes: after sign-in the page is back as it was left, with and without scripts."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from approvals.models import Decision
from tests.browser.conftest import Open
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False])
def test_what_was_entered_is_back_after_sign_in(world: World, open_as: Open, script: bool) -> None:
    at = f"/approvals/{world.approval.pk}/"
    page = open_as(world.manager, at, script=script)
    page.locator('input[name="option"][value="partial"]').check()
    page.get_by_text("Wrong amount").click()
    page.locator("#reason").fill("Half was on time\nand half was not")
    page.locator("details.effect.o1 summary").click()
    page.locator('[id="edit.1.refund.amount"]').fill("200")
    Session.objects.all().delete()
    page.locator("[data-confirm]").click()
    page.locator("#id_login").fill("may.lee")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("main form button[type=submit], main form button:not([type])").first.click()
    page.wait_for_url(f"**{at}?kept=*")
    expect(page.locator("#notices")).to_contain_text("You were signed out before this was sent")
    expect(page.locator('input[value="partial"]')).to_be_checked()
    expect(page.locator('input[value="Wrong amount"]')).to_be_checked()
    expect(page.locator("#reason")).to_have_value("Half was on time\nand half was not")
    expect(page.locator('[id="edit.1.refund.amount"]')).to_be_visible()
    expect(page.locator('[id="edit.1.refund.amount"]')).to_have_value("200")
    assert Decision.objects.count() == 0
    page.locator("[data-confirm]").click()
    expect(page.locator("h1")).to_have_text("Check before it counts")
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    assert Decision.objects.get().edits == {"refund": {"amount": 200}}
