"""Numbers of the approval pages that a machine can check: clicks, keys, words, weight, nodes, stops, focus."""

import gzip
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Error, Page, Response, expect

from agents.models import Write
from approvals.models import Approval, Decision
from cases.wording import money
from tests.approvals.conftest import racing
from tests.browser.conftest import Open
from tests.company import Small
from tests.world import World, add_approval, add_case_row

__all__ = ["racing"]  # a fixture
pytestmark = pytest.mark.browser
KB = 1024
BEFORE_EVIDENCE, WHOLE = 220, 450  # visible words
SEEN = """(until) => { const main = document.querySelector("main"), stop = until && document.querySelector(until);
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT), found = [];
  for (let node; (node = walk.nextNode());) {
    if (stop && (stop.contains(node) || stop.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
    const at = node.parentElement;
    if (!at.closest(".vh, script, style") && at.checkVisibility({contentVisibilityAuto: true})) found.push(node.data);
  }
  return found.join(" "); }"""


def at(world: World) -> str:
    return f"/approvals/{world.approval.pk}/"


def words(text: str) -> int:
    """Words of a text; of Chinese each two signs count as one word."""
    chinese = len(re.findall(r"[\u3400-\u9fff]", text))
    return len(re.findall(r"[^\W_]+(?:[.,'’-][^\W_]+)*", re.sub(r"[\u3400-\u9fff]", " ", text))) + chinese // 2


@pytest.mark.parametrize(("risk", "most"), [("low", 2), ("medium", 3), ("high", 4)])
def test_clicks_from_the_list_to_the_decision(world: World, open_as: Open, risk: str, most: int) -> None:
    Approval.objects.update(risk=risk)
    page = open_as(world.manager, "/approvals/")
    clicks = 0

    def click(what: Any) -> None:
        nonlocal clicks
        what.click()
        clicks += 1

    click(page.locator(".row h3 a").first)
    page.wait_for_url(f"**{at(world)}")
    if risk != "low":
        click(page.locator('label[for="option-2"]'))
    click(page.locator("[data-confirm]"))
    if risk == "high":
        expect(page.get_by_role("heading", level=1)).to_have_text("Check before it counts")
        click(page.locator("[data-confirm]"))
    page.wait_for_url("**/approvals/")
    assert Decision.objects.get().option == "full"
    assert clicks <= most


def test_two_keys_decide_at_medium_risk(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    for key in ("3", "Control+Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**/approvals/")
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_short_enough_to_be_read(world: World, open_as: Open, width: int) -> None:
    page = open_as(world.manager, at(world), width=width)
    page.locator('label[for="option-2"]').click()
    before = words(page.evaluate(SEEN, '[aria-labelledby="seen"]'))
    whole = words(page.evaluate(SEEN, '[aria-labelledby="history"]'))
    print(before, whole)
    assert before <= BEFORE_EVIDENCE
    assert whole <= WHOLE


def body_of(one: Response, page: Page) -> bytes:
    """What came; asked for again where the browser has let go of it."""
    try:
        return one.body()
    except Error:
        return page.request.get(one.url).body()


@pytest.mark.parametrize("path", ["/approvals/", "APPROVAL"])
def test_a_page_is_light_and_asks_no_other_host(world: World, open_as: Open, path: str) -> None:
    page = open_as(world.manager, "/healthz")
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    got: list[Response] = []
    page.on("response", lambda one: got.append(one))
    page.goto(at(world) if path == "APPROVAL" else path)
    page.wait_for_load_state("networkidle")
    kinds = {"document": 0, "stylesheet": 0, "script": 0, "other": 0}
    for one in got:
        kind = one.request.resource_type if one.request.resource_type in kinds else "other"
        kinds[kind] += len(gzip.compress(body_of(one, page), 6))
    print(len(got), kinds)
    assert len(got) <= 8
    assert {one.url.split("/")[2] for one in got} == {page.url.split("/")[2]}
    assert kinds["document"] <= 30 * KB
    assert kinds["stylesheet"] <= 20 * KB
    assert kinds["script"] <= 25 * KB
    assert sum(kinds.values()) <= 75 * KB


def test_a_list_of_fifty_has_few_nodes(world: World, open_as: Open) -> None:
    for n in range(60):
        add_approval(world, add_case_row(world.refund, world.now), risk="low", due_in=timedelta(minutes=10 * n))
    page = open_as(world.manager, "/approvals/")
    assert page.locator(".row").count() == 50
    assert page.evaluate("document.getElementsByTagName('*').length") <= 1_500


def test_the_first_option_is_near_and_nearer_with_the_skip_link(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    assert stops(page) <= 12
    page.goto(at(world))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def stops(page: Page) -> int:
    """Presses of Tab before the first option has the focus."""
    for press in range(1, 40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name === 'option'"):
            return press - 1
    return 40


HIDDEN = """() => { const at = document.activeElement;
  if (!at || at === document.body) return "";
  const box = at.getBoundingClientRect();
  if (!box.height || box.bottom < 0 || box.top > innerHeight) return "";
  for (const bar of document.querySelectorAll("*")) {
    const how = getComputedStyle(bar).position;
    if ((how !== "fixed" && how !== "sticky") || bar.contains(at) || at.contains(bar)) continue;
    const over = bar.getBoundingClientRect();
    if (over.height && box.top >= over.top && box.bottom <= over.bottom && box.left >= over.left && box.right <= over.right)
      return at.outerHTML.slice(0, 200);
  }
  return ""; }"""


@pytest.mark.parametrize("path", ["/approvals/", "APPROVAL", "CHECK", "BULK", "ASIDE"])
def test_the_focus_is_never_under_a_part_that_stays(world: World, open_as: Open, path: str) -> None:
    page = _opened(world, open_as, path, width=390)
    hidden = set()
    for _press in range(60):
        page.keyboard.press("Tab")
        hidden.add(page.evaluate(HIDDEN))
    assert hidden <= {""}


def _opened(world: World, open_as: Open, path: str, **look: Any) -> Page:
    """One of the pages of an approval, by name."""
    if path in ("CHECK", "BULK"):
        Approval.objects.update(risk="high" if path == "CHECK" else "low")
    real = {
        "APPROVAL": at(world), "CHECK": at(world), "ASIDE": f"{at(world)}aside/",
        "BULK": f"/approvals/bulk/?a={world.approval.pk}",
    }.get(path, path)  # fmt: skip
    page = open_as(world.manager, real, **look)
    if path == "CHECK":
        page.locator('input[value="full"]').check()
        page.locator("[data-confirm]").click()
    return page


# ---------------------------------------------------------------------- shown = chosen = executed


def shown(page: Page) -> dict[str, str]:
    """{system: amounts and texts} of the writes that can be seen now."""
    lists = page.locator(".effect[data-option]")
    seen = [lists.nth(n) for n in range(lists.count()) if lists.nth(n).is_visible()]
    assert len(seen) == 1
    return {
        row.locator("dt").inner_text(): row.locator("dd").first.inner_text()
        for row in seen[0].locator("dl.three > div").all()
    }


@pytest.mark.parametrize("option", ["reject", "partial", "full"])
def test_what_is_shown_is_what_is_chosen_is_what_may_be_written(world: World, open_as: Open, option: str) -> None:
    page = open_as(world.manager, at(world))
    page.locator(f'input[name="option"][value="{option}"]').check()
    seen = shown(page)
    if option != "full":
        page.locator("#reason").fill("because")
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    held = Write.objects.filter(proposal=world.proposal, state__in=("held", "permitted")).select_related(
        "operation__system"
    )
    assert {write.option for write in held} == {option}
    assert {write.operation.system.shown for write in held} == set(seen)
    for write in held:
        for name, value in write.decided.items():
            line = f"{name.replace('_', ' ')}: "
            assert line in seen[write.operation.system.shown]
            if isinstance(value, str):
                assert f"{line}{value}" in seen[write.operation.system.shown]
    assert not Write.objects.filter(proposal=world.proposal, state__in=("held", "permitted")).exclude(option=option)


@pytest.mark.parametrize("option", ["full", "half"])
def test_what_was_shown_is_what_is_carried_out(racing: Small, open_as: Open, option: str) -> None:
    case, approval = racing.waiting()
    page = open_as(User.objects.get(username="may"), f"/approvals/{approval.pk}/")
    page.locator(f'input[name="option"][value="{option}"]').check()
    seen = shown(page)["Shop"]
    if option == "half":
        page.locator("#reason").fill("half is fair")
    button = page.locator("[data-confirm]").inner_text()
    page.locator("[data-confirm]").click()
    page.wait_for_url("**/approvals/")
    racing.go(case)
    done = Write.objects.get(proposal=approval.proposal_id, option=option)
    amount = "HK$100.00" if option == "full" else "HK$50.00"
    assert done.state == "written"
    assert f"amount: {amount}" in seen
    assert f"payment id: {done.carried_out['payment_id']}" in seen
    assert button == f"{option.title()} {amount}"
    assert [money(one["amount"]) for one in racing.shop.done] == [amount]
    assert done.carried_out == done.proposed
    assert not Write.objects.filter(proposal=approval.proposal_id, state="written").exclude(option=option).exists()


# ---------------------------------------------------------------------- keys and focus


KEYS = [("]", "next"), ("[", "prev"), ("u", "list"), ("p", "#pass"), ("h", "#snooze"), ("t", "#take-over")]


@pytest.mark.parametrize(("key", "where"), KEYS)
def test_keys_of_an_open_approval_lead_where_the_table_says(world: World, open_as: Open, key: str, where: str) -> None:
    earlier = add_approval(world, add_case_row(world.refund, world.now), due_in=timedelta(minutes=5))[2]
    later = add_approval(world, add_case_row(world.refund, world.now), due_in=timedelta(hours=5))[2]
    page = open_as(world.manager, at(world))
    wanted = {
        "next": f"/approvals/{later.pk}/", "prev": f"/approvals/{earlier.pk}/", "list": "/approvals/",
        "#pass": f"{at(world)}aside/#pass", "#snooze": f"{at(world)}aside/#snooze",
        "#take-over": f"/cases/{world.case.number}/#take-over",
    }[where]  # fmt: skip
    page.keyboard.press(key)
    page.wait_for_url(f"**{wanted}")
    assert Decision.objects.count() == 0


def test_keys_that_only_move_the_focus(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.keyboard.press("2")
    page.keyboard.press("r")
    expect(page.locator("#reason")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("e")
    expect(page.locator("details.effect.o1")).to_have_attribute("open", "")
    page.keyboard.press("/")
    expect(page.locator("#seek")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    for key, path in (("w", "/"), ("a", "/approvals/"), ("m", "/map/"), ("r", "/reports/")):
        if page.goto(path).status != 200:  # type: ignore[union-attr]  # not built yet: then no key leads there
            continue
        page.goto(at(world))
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**{path}")
    assert Decision.objects.count() == 0


def test_keys_with_modifiers_and_on_repeat_do_nothing(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    for press in ("Alt+3", "Control+3", "Meta+u"):
        page.keyboard.press(press)
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '3', repeat: true, bubbles: true}))")
    assert page.locator('input[name="option"]:checked').count() == 0
    expect(page).to_have_url(re.compile(re.escape(at(world)) + "$"))


def test_composing_in_any_box_of_any_page_fires_nothing(world: World, open_as: Open) -> None:
    page = open_as(world.manager, "/approvals/?risk=medium")
    for path in ("/approvals/?risk=medium", at(world), f"{at(world)}aside/", "/requests/new/", "/settings/", "/cover/"):
        page.goto(path)
        url = page.url
        for box in page.locator("main textarea, main input[type=text], main input[type=search]").all():
            if not box.is_visible():
                continue
            box.evaluate(
                """(el) => { el.focus(); for (const key of ["Enter", "1", "u", "z", "g", "/"])
                  for (const [name, value] of [["isComposing", true], ["keyCode", 229]])
                    for (const ctrlKey of [false, true]) {
                      const event = new KeyboardEvent("keydown", {key, ctrlKey, bubbles: true, cancelable: true});
                      Object.defineProperty(event, name, {value});
                      el.dispatchEvent(event);
                      if (event.defaultPrevented) document.title = "taken";
                    } }"""
            )
        assert page.url == url
        assert page.title() != "taken"
    assert Decision.objects.count() == 0


def test_what_came_in_is_announced_without_taking_the_focus_or_moving_a_row(world: World, open_as: Open) -> None:
    page = open_as(world.manager, "/approvals/")
    page.keyboard.press("j")
    rows = page.locator(".row h3 a").all_inner_texts()
    add_approval(world, add_case_row(world.refund, world.now), due_in=timedelta(minutes=1))
    page.evaluate(
        "htmx.trigger('#news', 'every'); htmx.ajax('GET', document.querySelector('#news').getAttribute('hx-get'), '#news')"
    )
    expect(page.locator("#news")).to_contain_text("1 new.")
    expect(page.locator(".row h3 a").first).to_be_focused()
    assert page.locator(".row h3 a").all_inner_texts() == rows
    page.locator("#news").get_by_role("link", name="Show them").click()
    expect(page.locator(".row")).to_have_count(2)


def test_the_focus_goes_to_what_is_wrong_and_the_entry_stays(world: World, open_as: Open) -> None:
    page = open_as(world.manager, at(world))
    page.locator('input[value="reject"]').check()
    page.locator("[data-confirm]").click()
    expect(page.locator(".summary")).to_be_focused()
    page.locator(".summary a").first.press("Enter")
    expect(page.locator("#reason")).to_be_focused()
    expect(page.locator('input[value="reject"]')).to_be_checked()
    Approval.objects.update(fingerprint="e" * 64)
    page.locator("#reason").fill("not this time")
    page.locator("[data-confirm]").click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator(".summary")).to_contain_text("This changed while you were reading")
    expect(page.locator("#reason")).to_have_value("not this time")
    expect(page.locator('input[value="reject"]')).to_be_checked()
