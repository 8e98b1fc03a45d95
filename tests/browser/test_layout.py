"""What only a picture shows: where things stand on the page, in Chinese and on a phone."""

import pytest
from playwright.sync_api import Page

from cases.models import Template
from tests.browser.conftest import Open
from tests.world import World

pytestmark = pytest.mark.browser


def edge(page: Page, what: str) -> float:
    box = page.locator(what).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"]


@pytest.mark.parametrize("language", ["en", "zh-hant"])
def test_the_way_to_the_next_approval_stands_at_the_end_of_its_line(world: World, open_as: Open, language: str) -> None:
    """The width of Chinese paragraphs once held it in the middle of the page."""
    page = open_as(world.manager, f"/approvals/{world.approval.pk}/", language=language)
    assert edge(page, "p.crumb") == edge(page, "main > .cols, main form.cols")


def test_the_menu_stands_at_the_end_of_the_header_on_a_phone(world: World, open_as: Open) -> None:
    page = open_as(world.manager, "/", width=390)
    assert edge(page, ".menu > summary") == 390 - 16


def test_what_only_a_script_can_do_is_not_shown_without_scripts(world: World, open_as: Open) -> None:
    """A style of buttons once won over `hidden`: "Copy" and "Keyboard" stood there and did nothing."""
    world.case.holder_kind, world.case.holder_user = "person", world.frontline
    world.case.save()
    Template.objects.create(type=world.refund, name="late", texts={"en": "We are sorry."})
    by_hand = f"/cases/{world.case.number}/by-hand/"
    for script in (False, True):
        page = open_as(world.frontline, by_hand, script=script)
        page.locator("summary", has_text="Late").click()
        assert bool(page.get_by_role("button", name="Copy").count()) is script
        assert bool(page.get_by_role("button", name="Keyboard").count()) is script
