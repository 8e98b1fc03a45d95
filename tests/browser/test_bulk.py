"""Several low-risk approvals together in a browser: without JavaScript, by keyboard, in every look."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from agents.models import Write
from approvals.models import Approval, Decision
from tests.browser.conftest import Open
from tests.browser.test_every_page import LOOKS, RULES
from tests.world import World, add_approval, add_case_row

pytestmark = pytest.mark.browser


def some(world: World, how_many: int = 2) -> list[Approval]:
    """So many low-risk ones, those due first first."""
    Approval.objects.filter(pk=world.approval.pk).update(risk="low", due_at=world.now + timedelta(minutes=30))
    more = [
        add_approval(world, add_case_row(world.refund, world.now), risk="low", due_in=timedelta(hours=n + 1))[2]
        for n in range(how_many - 1)
    ]
    return [world.approval, *more]


def faults_of(page: Page) -> list[Any]:
    found = Axe().run(page, options=RULES).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] + ([wide] if wide > 0 else [])


@pytest.mark.parametrize(("theme", "language", "width"), [*LOOKS, ("light", "en", 320)])
def test_no_page_of_it_has_an_accessibility_fault(
    world: World, open_as: Open, theme: str, language: str, width: int
) -> None:
    chosen = some(world, 3)
    page = open_as(world.manager, "/approvals/", theme=theme, language=language, width=width)
    faults = {"inbox": faults_of(page)}
    page.goto("/approvals/bulk/?" + "&".join(f"a={one.pk}" for one in chosen))
    faults["preview"] = faults_of(page)
    Approval.objects.filter(pk=chosen[1].pk).update(fingerprint="e" * 64)
    page.locator("main [data-confirm]").click()
    page.wait_for_url("**/bulk/done/")
    faults["done"] = faults_of(page)
    page.goto("/settings/")
    faults["settings"] = faults_of(page)
    assert {name: found for name, found in faults.items() if found} == {}


def test_it_works_without_javascript_and_what_is_shown_is_what_is_decided(world: World, open_as: Open) -> None:
    chosen = some(world, 3)
    page = open_as(world.manager, "/approvals/", script=False)
    for box in page.locator(".pick input").all():
        box.check()
    page.get_by_role("button", name="Look at the chosen ones").click()
    page.get_by_role("link", name=re.compile(f"Leave out.*{chosen[2].case.number}$")).click()
    shown = page.locator("main li[data-option]")
    expect(shown).to_have_count(2)
    assert [one.get_attribute("data-option") for one in shown.all()] == ["full", "full"]
    expect(shown.first).to_contain_text("HK$480.00")
    page.get_by_role("button", name="Approve 2: Refund a payment, HK$960.00 in total").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 approved")
    assert set(Decision.objects.values_list("approval_id", "option")) == {(one.pk, "full") for one in chosen[:2]}
    assert not Write.objects.filter(proposal=chosen[2].proposal_id).exclude(state="waiting").exists()


def test_it_works_by_keyboard(world: World, open_as: Open) -> None:
    some(world, 2)
    page = open_as(world.manager, "/approvals/")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    assert page.locator(".pick input:checked").count() == 2
    assert Decision.objects.count() == 0
    page.get_by_role("button", name="Look at the chosen ones").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals/bulk/?**")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/bulk/done/")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 approved")
