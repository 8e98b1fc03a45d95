"""Choose before you see the suggestion: nothing of it is in the page before there is a choice, and all of it after."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from agents import configuration
from approvals import raising
from approvals.models import Approval, Asked, Decision
from cases.actors import CONTROL
from cases.ledger import Entry, append
from cases.models import Event, RequestType
from tests.company import Small
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build

WHY = "The order is nine days late and was paid in full."


@pytest.fixture
def world(db: None) -> World:
    """A high-risk approval of a type in which people choose first; the ledger has the proposal."""
    cache.clear()
    world = build()
    RequestType.objects.filter(pk=world.refund.pk).update(suggestion_after_choice=True)
    Approval.objects.filter(pk=world.approval.pk).update(risk="high", title={"en": "Refund · Chan", "zh-hant": "退款"})
    data = {"suggested": "full", "why": WHY, "options": [{"name": "full", "title": "Full"}]}
    append(world.case, [Entry("proposal.made", CONTROL, data)], now=world.now)
    world.case.save()
    return world


def client_of(world: World) -> Client:
    client = Client()
    client.force_login(world.manager)
    return client


def words(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def at(world: World, part: str = "") -> str:
    return f"/approvals/{world.approval.pk}/{part}"


def sent(option: str, **more: str) -> dict[str, str]:
    return {"option": option, "fingerprint": FINGERPRINT, "nonce": "n-1", **more}


def sealed(page: str) -> str:
    found = re.search(r'name="seal" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_nothing_in_the_page_tells_what_is_suggested(world: World) -> None:
    page = client_of(world).get(at(world)).content.decode()
    assert WHY not in page and "uggested" not in page
    assert "checked" not in re.sub(r'type="checkbox"[^>]*', "", page)
    assert "Needed if you reject or change something." in page
    rows = re.findall(r'<div class="opt.*?</div>\n', page, re.DOTALL)
    assert len(rows) == 3 and not [row for row in rows if "tag" in row]


def test_the_second_of_two_is_told_no_more_than_the_first(world: World) -> None:
    """What was decided, and what may be added to the ledger later, names the suggestion too: no entry may tell it."""
    Asked.objects.update(people=2)
    page = client_of(world).post(at(world, "decide/"), sent("full"))
    client_of(world).post(at(world, "decide/"), sent("full", seal=sealed(page.content.decode())))
    assert Event.objects.get(code="approval.decided").detail.data["suggested"] == "full"
    world.case.refresh_from_db()
    nested = {"options": [{"name": "full", "suggested": True, "suggest_when": "late"}], "why": "The rule asks for two."}
    append(world.case, [Entry("run.done", CONTROL, nested)], now=world.now)
    world.case.save()
    client = Client()
    client.force_login(world.deputy)
    page = client.get(at(world))
    assert "The rule asks for two." in words(page)
    assert WHY not in words(page) and "uggest" not in page.content.decode()


@pytest.mark.parametrize(("on", "risk"), [(False, "high"), (True, "medium"), (True, "low")])
def test_elsewhere_the_suggestion_shows_at_once(world: World, on: bool, risk: str) -> None:
    RequestType.objects.update(suggestion_after_choice=on)
    Approval.objects.update(risk=risk)
    page = words(client_of(world).get(at(world)))
    assert "Suggested by AI" in page and WHY in page


def test_who_chose_the_same_is_told_so_and_asked_nothing_more(world: World) -> None:
    client = client_of(world)
    check = client.post(at(world, "decide/"), sent("full"))
    assert check.status_code == 200 and Decision.objects.count() == 0
    shown = words(check)
    assert "What the AI suggests ◆ Full refund, HK$480.00 You chose the same." in shown and WHY in shown
    assert '<textarea id="reason"' not in check.content.decode()
    client.post(at(world, "decide/"), sent("full", seal=sealed(check.content.decode())))
    assert Decision.objects.get().option == "full"


def test_who_chose_something_else_says_why_once_they_have_seen_it(world: World) -> None:
    client = client_of(world)
    check = client.post(at(world, "decide/"), sent("partial"))
    assert check.status_code == 200  # no reason was asked for
    page = check.content.decode()
    assert "Full refund, HK$480.00 You chose something else." in words(check)
    assert '<textarea id="reason"' in page and 'type="hidden" name="reason"' not in page
    without = client.post(at(world, "decide/"), sent("partial", seal=sealed(page)))
    assert without.status_code == 422 and "Check before it counts" in words(without)
    assert "Say why" in words(without) and Decision.objects.count() == 0
    last = sent("partial", seal=sealed(without.content.decode()), chip="Wrong amount", reason="Half")
    assert client.post(at(world, "decide/"), last).status_code == 302
    decision = Decision.objects.get()
    assert (decision.option, decision.reason, decision.reason_code) == ("partial", "Wrong amount: Half", "Wrong amount")


def test_a_reject_needs_its_reason_at_once(world: World) -> None:
    answer = client_of(world).post(at(world, "decide/"), sent("reject"))
    assert answer.status_code == 422 and "Say why" in words(answer)
    assert "uggests" not in words(answer)


def test_a_refused_form_does_not_tell_either(world: World) -> None:
    for posted in (sent(""), sent("full", back="1"), sent("full", fingerprint="0" * 64, seal="x")):
        page = client_of(world).post(at(world, "decide/"), posted)
        if "Check before it counts" not in words(page):
            assert WHY not in words(page) and "uggest" not in words(page)


def test_the_title_names_type_and_customer_only(company: Small) -> None:
    _case, approval = company.waiting()
    row = Approval.objects.get(pk=approval.pk)
    for risk, on, told in (("high", False, True), ("medium", True, True), ("high", True, False)):
        row.case.type.suggestion_after_choice, row.proposal.risk = on, risk  # type: ignore[union-attr]
        writes = list(row.proposal.writes.all())
        title = raising.title_of(row.case, row.proposal, writes, configuration.current())
        assert bool(re.search(r"\d", title["en"])) is told, title


def test_once_decided_everybody_sees_it_all(world: World) -> None:
    _proposal, _writes, approval = add_approval(world, add_case_row(world.refund, world.now), risk="high")
    Approval.objects.filter(pk=approval.pk).update(state="decided", decided_option="full", decided_at=world.now)
    assert WHY in words(client_of(world).get(f"/approvals/{approval.pk}/"))
