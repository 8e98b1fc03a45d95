"""What only a picture shows: where things stand on the page, in Chinese and on a phone."""

import pytest
from playwright.sync_api import Page

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
