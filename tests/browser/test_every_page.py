"""Every page, light and dark, in both languages, wide and narrow: no accessibility fault, no sideways scroll."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from cases.actors import CONTROL
from cases.ledger import Entry, append
from tests.browser.conftest import Open
from tests.world import World, add_case_row

pytestmark = pytest.mark.browser
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
LOOKS = [("light", "en", 1280), ("dark", "zh-hant", 390), ("dark", "en", 390), ("light", "zh-hant", 1280)]


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
        "/triage/",
        "/requests/new/",
        "/ai/",
        "/search/?q=88213",
        "/settings/",
        "/standing-approvals/",
        "/cover/",
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
    add_case_row(None, world.now, status="triage", holder_kind="ai", holder_team=world.managers, facts={})
    return world


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_no_page_has_an_accessibility_fault(world: World, open_as: Open, theme: str, language: str, width: int) -> None:
    page = open_as(told(world).manager, "/", theme=theme, language=language, width=width)
    faults: dict[str, Any] = {}
    for path in pages(world):
        page.goto(path)
        found = Axe().run(page, options=RULES).response["violations"]
        if found:
            faults[path] = [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
    assert faults == {}


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
    page.locator("form.card button").click()
    page.wait_for_url("**/cases/")


def test_the_focus_is_never_under_the_bottom_bar(world: World, open_as: Open) -> None:
    page = open_as(world.manager, f"/approvals/{world.approval.pk}/", width=390)
    for _press in range(60):
        page.keyboard.press("Tab")
        hidden = page.evaluate(
            """() => { const at = document.activeElement, bar = document.querySelector(".acts");
            if (!at || at === document.body || bar.contains(at)) return false;
            const box = at.getBoundingClientRect(), edge = bar.getBoundingClientRect().top;
            return box.height > 0 && box.top >= edge && box.top < innerHeight; }"""
        )
        assert not hidden, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
