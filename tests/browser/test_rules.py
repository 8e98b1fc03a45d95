"""The pages of rules in a real browser: preview while one types, one case tried, a start planned and called off."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.models import Proposal, Write
from approvals.models import Draft, Rule, StandingApproval
from approvals.standing import confirm_standing
from approvals.step_up import Proof
from cases.actors import Actor, person
from cases.clock import database_now
from cases.models import Person, Team
from orchestrator.workmap import services
from orchestrator.workmap.models import RuleTrial
from orchestrator.workmap.ruling import trials
from tests.browser.conftest import Open
from tests.browser.test_every_page import LOOKS, RULES
from tests.workmap.maps import named, of, shop, shop_text
from tests.workmap.pasts import finished
from tests.workmap.test_replaying import capped

pytestmark = pytest.mark.browser
BY = Actor("control", "test")
SHOTS = os.environ.get("SHOTS")  # a folder, for whoever wants to look at the pages


@dataclass
class Shop:
    admin: User
    manager: User
    standing: StandingApproval


@pytest.fixture
def world(transactional_db: None) -> Shop:
    """The shop's map with an admin, and a manager whose standing approval is nearly used up."""
    cache.clear()
    services.load(actor=BY, text=shop_text())
    admin = User.objects.create_superuser("alex", "", "a-long-test-password", first_name="Alex", last_name="Yip")
    manager = User.objects.create_user("may.lee", "", "a-long-test-password", first_name="May", last_name="Lee")
    for user, team in ((admin, "support-managers"), (manager, "heads")):
        Person.objects.get_or_create(user=user)
        user.groups.add(Team.objects.get(name=team).group)
    standing = StandingApproval.objects.get()
    proof = Proof("totp", database_now())  # this company asks for a second factor
    confirm_standing(actor=person(manager), standing_id=standing.pk, proof=proof)
    return Shop(admin, manager, standing)


def ready(world: Shop) -> dict[str, str]:
    """A past, a planned change, an open one, a run; the pages to look at."""
    finished(["200", "400", "250", "900"] * 5, ["refused", "agreed", "changed", "agreed"] * 5)
    Proposal.objects.filter(facts={}).update(facts={"refunds_90d": 0})
    whole = shop()
    named(whole["rules"], "refund-over-300")["when"]["all"][0]["value"] = 500
    named(whole["rules"], "small-refunds-pre-approved")["then"]["standing_approval"]["up_to"] = 400
    services.load(actor=BY, text=of(whole), reason="Autumn")
    planned, waiting = Draft.objects.get(name="refund-over-300"), Draft.objects.get(name="small-refunds-pre-approved")
    Draft.objects.filter(pk=planned.pk).update(
        state="scheduled", starts_at=database_now() + timedelta(days=2), publisher=world.manager,
        publisher_label="May Lee (may.lee)", publish_reason="Agreed at the meeting",
    )  # fmt: skip
    now = timezone.now()
    trial = trials.start(actor=BY, rule=capped(per_day=2), since=now - timedelta(days=60), until=now, now=now)
    trials.work(now=database_now)
    assert RuleTrial.objects.get(pk=trial.pk).state == "done"
    rule = Rule.objects.get(name="refund-over-300").pk
    staged = Rule.objects.get(name="repeat-refund")
    staged.then = {"stages": [{"ask": "support-managers", "within": "2h"}, {"ask": "heads", "people": 2}]}
    staged.save()
    return {
        "staged": f"/admin/approvals/rule/{staged.pk}/change/",
        "rule": f"/admin/approvals/rule/{rule}/change/",
        "history": f"/admin/approvals/rule/{rule}/history/",
        "planned": f"/admin/approvals/draft/{planned.pk}/change/",
        "draft": f"/admin/approvals/draft/{waiting.pk}/change/",
        "trial": f"/admin/approvals/rule/trials/?trial={trial.pk}",
    }


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True, caret="initial")


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_the_pages_of_rules_have_no_accessibility_fault(
    world: Shop, open_as: Open, theme: str, language: str, width: int
) -> None:
    pages = ready(world)
    page = open_as(world.admin, "/admin/", theme=theme, language=language, width=width)
    faults = {}
    for name, path in pages.items():
        page.goto(path)
        if name == "rule":
            page.locator("#id_case").fill("C-1001")
            with page.expect_navigation():
                page.locator('button[name="_preview"]').click()
        # axe reads what the stock admin's style sheets import by making inline styles: the policy refuses those.
        found = Axe().run(page, options={**RULES, "preload": False}).response["violations"]
        if found:
            faults[name] = [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
        shoot(page, f"{name}-{theme}-{language}-{width}")
    assert faults == {}


def test_the_preview_follows_what_is_typed_and_keeps_the_focus(world: Shop, open_as: Open) -> None:
    pages = ready(world)
    page = open_as(world.admin, pages["rule"])
    shown = page.locator("#rule-preview")
    value = page.locator("#id_s_0_value")
    value.fill("150")
    value.press("Tab")
    expect(shown).to_contain_text("HK$150.00")
    expect(shown).to_contain_text("past proposals match")
    focused = page.evaluate("document.activeElement.id")
    assert focused and focused != "id_s_0_value"
    page.locator("#id_case").fill("C-1001")
    page.locator("#id_case").press("Tab")
    expect(shown).to_contain_text("would ask")
    page.locator('input[name="only_changed"]').check()
    expect(shown).to_contain_text("None of them would go another way")
    assert page.evaluate("document.activeElement.name") == "only_changed"
    assert Rule.objects.get(name="refund-over-300").version == 1


@pytest.mark.parametrize("script", [True, False])
def test_a_start_is_planned_and_called_off(world: Shop, open_as: Open, script: bool) -> None:
    pages = ready(world)
    page = open_as(world.admin, pages["planned"], script=script)
    page.get_by_role("button", name="Call the start off").click()
    page.goto(pages["draft"])
    page.locator("#id_reason").fill("Agreed")
    at = timezone.localtime(database_now() + timedelta(days=1))
    page.locator("#id_starts_at").fill(f"{at:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Publish as a second person").click()
    expect(page.locator(".messagelist")).to_contain_text("Published, starts at its time")
    states = dict(Draft.objects.values_list("name", "state"))
    assert states == {"refund-over-300": "open", "small-refunds-pre-approved": "scheduled"}


@pytest.mark.parametrize(("theme", "language", "width"), LOOKS)
def test_a_standing_approval_shows_its_use_and_is_paused_in_one_click(
    world: Shop, open_as: Open, theme: str, language: str, width: int
) -> None:
    finished(["100", "200"] * 8, ["agreed"] * 16)
    Write.objects.update(permit_rule=world.standing.rule_id, placed_at=timezone.now())
    page = open_as(world.manager, "/standing-approvals/", theme=theme, language=language, width=width)
    shoot(page, f"standing-{theme}-{language}-{width}")
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.locator(f'form[action$="/{world.standing.pk}/pause/"] button').click()
    assert not StandingApproval.objects.get(pk=world.standing.pk).in_force
    shoot(page, f"paused-{theme}-{language}-{width}")
    assert Axe().run(page, options=RULES).response["violations"] == []
