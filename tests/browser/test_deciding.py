"""One decision in a real browser: what is shown is what is chosen is what is recorded."""

from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from approvals.models import Approval, Decision
from tests.browser.conftest import Open
from tests.world import World

pytestmark = pytest.mark.browser
WORDS = {
    "reject": "Reject",
    "partial": "Partial refund, HK$240.00",
    "full": "Full refund, HK$480.00",
}


def at(world: World) -> str:
    return f"/approvals/{world.approval.pk}/"


def shown(page: Page) -> list[str | None]:
    """The options whose writes can be seen now."""
    lists = page.locator(".effect[data-option]")
    return [lists.nth(n).get_attribute("data-option") for n in range(lists.count()) if lists.nth(n).is_visible()]


@pytest.mark.parametrize("script", [True, False])
def test_the_writes_and_the_button_follow_the_choice(world: World, open_as: Open, script: bool) -> None:
    page = open_as(world.manager, at(world), script=script)
    button = page.locator("[data-confirm]")
    assert shown(page) == []
    expect(button).to_have_text("Confirm decision", use_inner_text=True)
    for name, words in WORDS.items():
        page.locator(f'input[name="option"][value="{name}"]').check()
        assert shown(page) == [name]
        expect(button).to_have_text(words, use_inner_text=True)


def test_no_choice_gives_a_summary_that_has_the_focus(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.locator("[data-confirm]").click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator(".summary")).to_contain_text("Choose what to do.")
    assert Decision.objects.count() == 0


def test_two_keys_decide_and_the_undo_stands_in_the_header(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/approvals/")
    expect(page.locator("#notices")).to_contain_text("this will be written at")
    decision = Decision.objects.get()
    assert (decision.option, decision.user) == ("full", world.manager)
    page.locator("#notices button").click()
    page.wait_for_url(f"**{at(world)}")
    world.approval.refresh_from_db()
    assert world.approval.state == Approval.State.WAITING


def test_without_scripts_a_decision_is_made_as_well(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world), script=False)
    page.locator('input[value="reject"]').check()
    page.get_by_text("Outside policy").click()
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    assert Decision.objects.get().reason == "Outside policy"


def test_no_single_key_carries_anything_out(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.keyboard.press("3")
    for key in "zetrp[]xh":
        page.goto(at(world))
        page.keyboard.press("3")
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert Decision.objects.count() == 0
    world.case.refresh_from_db()
    assert world.case.holder_kind == "ai"


def test_typing_and_composing_in_the_reason_box_fire_nothing(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.locator("#reason").focus()
    page.keyboard.type("123jkueg w")
    assert shown(page) == []
    for composing in ("{isComposing: true}", "{keyCode: 229}"):
        for target in ("#reason", "body"):
            page.locator(target).evaluate(
                """(el, how) => { for (const key of ["3", "Enter"]) {
                    const event = new KeyboardEvent("keydown", {key, ctrlKey: key === "Enter", bubbles: true});
                    const given = how.includes("229") ? {keyCode: 229} : {isComposing: true};
                    for (const name in given) Object.defineProperty(event, name, {value: given[name]});
                    el.dispatchEvent(event); } }""",
                composing,
            )
    assert shown(page) == []
    assert Decision.objects.count() == 0
    expect(page).to_have_url(f"{page.url}")
    assert page.locator("#reason").input_value() == "123jkueg w"


def test_the_keys_can_be_switched_off(world: World, open_as: Open) -> None:
    world.manager.person.keys = False
    world.manager.person.save()
    page = open_as(world.manager, at(world))
    page.keyboard.press("3")
    assert shown(page) == []


def test_a_changed_amount_is_seen_twice_and_recorded_once(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.keyboard.press("3")
    page.locator("details.effect.o2 summary").click()
    page.locator('[id="edit.2.refund.amount"]').fill("300")
    page.locator("#reason").fill("Half was on time")
    page.locator("[data-confirm]").click()
    expect(page.locator("h1")).to_have_text("Check before it counts")
    expect(page.locator("main")).to_contain_text("You changed amount from HK$480.00 to HK$300.00")
    expect(page.locator("[data-confirm]")).to_have_text("Refund a payment HK$300.00")
    assert Decision.objects.count() == 0


def test_the_list_is_walked_with_keys(world: World, open_as: Open) -> None:
    page = open_as(world.manager, "/approvals/")
    page.keyboard.press("j")
    expect(page.locator(".row h3 a").first).to_be_focused()
    page.keyboard.press("o")
    page.wait_for_url(f"**{at(world)}")
    page.keyboard.press("u")
    page.wait_for_url("**/approvals/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cases/")


def test_a_device_that_is_offline_says_so_and_decides_nothing(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("3")
    page.context.set_offline(True)
    page.locator("[data-confirm]").click()
    expect(page.locator("#offline")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    assert Decision.objects.count() == 0
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("keys", [True, False])
def test_escape_closes_the_panel_and_keeps_what_was_entered(world: World, open_as: Open, keys: bool) -> None:
    """Also while somebody types in it, and for who switched the single keys off."""
    world.manager.person.keys = keys
    world.manager.person.save()
    page = open_as(world.manager, at(world))
    page.locator('input[name="option"][value="full"]').check()
    panel, amount = page.locator("details.effect.o2"), page.locator('[id="edit.2.refund.amount"]')
    panel.locator("summary").click()
    expect(panel).to_have_attribute("open", "")
    amount.fill("300")
    expect(amount).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).not_to_have_attribute("open", "")
    expect(panel.locator("summary")).to_be_focused()
    expect(amount).to_have_value("300")
    page.keyboard.press("Enter")
    expect(panel).to_have_attribute("open", "")
    page.keyboard.press("Escape")  # from its summary as well
    expect(panel).not_to_have_attribute("open", "")
    assert Decision.objects.count() == 0


def test_escape_of_an_input_method_closes_nothing(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.keyboard.press("3")
    page.keyboard.press("e")
    panel, amount = page.locator("details.effect.o2"), page.locator('[id="edit.2.refund.amount"]')
    for name, value in (("isComposing", True), ("keyCode", 229)):
        amount.evaluate(
            """(el, [name, value]) => {
                const event = new KeyboardEvent("keydown", {key: "Escape", bubbles: true, [name]: value});
                Object.defineProperty(event, name, {value});
                el.focus(); el.dispatchEvent(event); }""",
            [name, value],
        )
        expect(panel).to_have_attribute("open", "")
    page.locator("[data-help]:visible").first.click()
    page.keyboard.press("Escape")  # closes the list of keys, and only that
    expect(page.locator("#keys")).not_to_be_visible()
    expect(panel).to_have_attribute("open", "")


def keys_shown(page: Page) -> list[str]:
    return [text for text in page.locator("kbd.key:visible").all_inner_texts() if text]


def test_each_key_stands_beside_what_it_reaches_and_is_not_read_aloud(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    assert {"u", "1", "2", "3", "r", "e", "p", "h", "t", "?", "Ctrl Enter"} >= set(keys_shown(page))
    assert {"u", "1", "2", "3", "r", "p", "h", "t", "Ctrl Enter"} <= set(keys_shown(page))
    assert page.locator('kbd.key:not([aria-hidden="true"])').count() == 0
    expect(page.get_by_role("radio", name="Reject", exact=True)).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_role("button", name=WORDS["full"], exact=True)).to_be_visible()
    assert "e" in keys_shown(page)


def test_no_keys_are_shown_to_who_switched_them_off_or_to_a_touch_screen(
    world: World, open_as: Open, chromium: Browser, live_server: Any
) -> None:
    page = open_as(world.manager, at(world))
    touch = chromium.new_context(base_url=live_server.url, has_touch=True, is_mobile=True)
    touch.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    phone = touch.new_page()
    phone.goto(at(world))
    assert phone.locator("kbd.key").count() > 0 and keys_shown(phone) == []
    touch.close()
    world.manager.person.keys = False
    world.manager.person.save()
    cache.clear()
    page.reload()
    assert page.locator("kbd.key").count() == 0
