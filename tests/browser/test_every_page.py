"""Every page, light and dark, in both languages, wide and narrow: no accessibility fault, no sideways scroll."""

from itertools import product
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from agents.models import Operation
from approvals.models import SavedFilter
from cases.actors import CONTROL
from cases.ledger import Entry, append
from tests.approvals.variant_maps import MAPS, company
from tests.browser.conftest import Open
from tests.guarantees import Size, guarantee
from tests.world import World, add_case_row

pytestmark = pytest.mark.browser
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
LOOKS = [("light", "en", 1280), ("dark", "zh-hant", 390), ("dark", "en", 390), ("light", "zh-hant", 1280)]
# The four of every run come first; all 24 in `make faults`.
COMBINATIONS = sorted(
    product(("light", "dark"), ("en", "zh-hant"), (1280, 390, 320), (False, True)),  # the last: without our scripts
    key=lambda one: (one[3] or one[:3] not in LOOKS, one),
)


def pages(world: World) -> list[str]:
    number = world.case.number
    return [
        "/",
        "/approvals/",
        "/approvals/?q=zzz",
        f"/approvals/{world.approval.pk}/",
        "/cases/",
        "/cases/?tab=all",
        f"/cases/{number}/",
        f"/cases/{number}/by-hand/?operation=payments.refund",
        "/approvals/?risk=medium",
        "/triage/",
        "/requests/new/",
        "/ai/",
        "/search/?q=88213",
        "/settings/",
        "/accounts/sessions/",
        "/accounts/2fa/",
        "/accounts/2fa/webauthn/",
        "/accounts/2fa/totp/activate/",
        "/accounts/password/change/",
        "/standing-approvals/",
        "/cover/",
        "/your-decisions/",
        "/reports/load/",
        f"/approvals/{world.approval.pk}/aside/",
        "/approvals/?tab=watching",
        "/approvals/?tab=snoozed",
        "/cases/C-404404/",
    ]


def told(world: World) -> World:
    """The world with a story to tell, and with something in each list."""
    entries = [Entry("data.read", CONTROL, {"system": "orders", "operation": "orders.get", "count": 1})]
    append(world.case, entries, now=world.now)
    world.case.holder_kind, world.case.holder_user = "person", world.manager
    world.case.save()
    SavedFilter.objects.create(user=world.manager, name="Medium", query="risk=medium")
    Operation.objects.filter(name="payments.refund").update(masked=["payment_id"])
    add_case_row(None, world.now, status="triage", holder_kind="ai", holder_team=world.managers, facts={})
    return world


@guarantee("axe", ci=4, release=24, seconds=200)
def test_no_page_has_an_accessibility_fault(world: World, open_as: Open, size: Size) -> None:
    told(world)
    for n in size.each():
        theme, language, width, bare = COMBINATIONS[n]
        page = open_as(world.manager, "/", theme=theme, language=language, width=width, bare=bare)
        for path in pages(world):
            page.goto(path)
            for fault in faults_of(page):
                size.failed(f"{path} {theme} {language} {width} {bare}: {fault}")
        page.context.close()


@guarantee("axe", ci=1, release=24, seconds=200)
@pytest.mark.parametrize("variant", MAPS)
def test_no_variant_of_an_approval_has_an_accessibility_fault(
    transactional_db: None, open_as: Open, size: Size, variant: str
) -> None:
    manager, approval = company(variant)
    for n in size.each():
        theme, language, width, bare = COMBINATIONS[(n + list(MAPS).index(variant)) % len(COMBINATIONS)]
        page = open_as(manager, f"/approvals/{approval.pk}/", theme=theme, language=language, width=width, bare=bare)
        page.locator('label[for="option-1"]').click()
        assert page.locator(f'[data-variant="{variant}"]').is_visible()
        for fault in faults_of(page):
            size.failed(f"{variant} {theme} {language} {width} {bare}: {fault}")
        page.context.close()


def faults_of(page: Page) -> list[Any]:
    """What axe finds, and sideways scroll."""
    found = Axe().run(page, options=RULES).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found] + (["sideways"] if wide > 0 else [])


@pytest.mark.parametrize("language", ["en", "zh-hant"])
def test_no_page_scrolls_sideways_at_320_pixels(world: World, open_as: Open, language: str) -> None:
    page = open_as(told(world).manager, "/", language=language, width=320)
    wide = {}
    for path in pages(world):
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[path] = width
    assert wide == {}


def test_the_sign_in_page_has_no_fault_and_signs_in(world: World, open_as: Open) -> None:
    page = open_as(world.outsider, "/")
    page.context.clear_cookies()
    page.goto("/cases/")
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.locator('[name="login"]').fill("may.lee")
    page.locator('[name="password"]').fill("a-long-test-password")
    page.get_by_role("button", name="Show the password").click()
    assert page.locator('[name="password"]').get_attribute("type") == "text"
    page.get_by_role("button", name="Show the password").click()
    assert page.locator('[name="password"]').get_attribute("type") == "password"
    page.locator("form.card .btn").click()
    page.wait_for_url("**/cases/")


def test_every_page_says_its_piece_without_javascript(world: World, open_as: Open) -> None:
    page = open_as(told(world).manager, "/", script=False)
    for path in pages(world):
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        assert page.locator("main").inner_text().strip(), path
        hidden = page.locator("main form button:visible, main a:visible").count()
        assert hidden, f"{path}: nothing can be pressed"
