"""Several low-risk approvals at once: only of one kind, each by itself, and what changed meanwhile is left."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Operation, Proposal
from approvals.models import Approval, Decision, Rule
from cases.models import Case, Event
from tests.company import Small
from tests.world import World, add_approval, add_case_row, build

As = Callable[[User], Client]


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    world = build()
    Approval.objects.update(risk="low")
    return world


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def low(world: World, how_many: int = 1, **more: Any) -> list[Approval]:
    return [add_approval(world, add_case_row(world.refund, world.now), risk="low", **more)[2] for _n in range(how_many)]


def preview(client: Client, *approvals: Approval) -> Any:
    return client.get("/approvals/bulk/", {"a": [str(one.pk) for one in approvals]})


def confirm(client: Client, page: Any, **more: Any) -> Any:
    """What the browser would send from the preview."""
    html = page.content.decode()
    sent: dict[str, Any] = dict(re.findall(r'name="(nonce|option)" value="([^"]*)"', html))
    sent["row"] = re.findall(r'name="row" value="([^"]+)"', html)
    return client.post("/approvals/bulk/", sent | more, follow=True)


def test_a_box_is_on_low_risk_rows_with_a_suggestion_only(world: World) -> None:
    low(world)
    add_approval(world, add_case_row(world.refund, world.now), risk="medium")
    none = low(world)[0]
    Proposal.objects.filter(pk=none.proposal_id).update(suggested="")
    page = as_(world.manager).get("/approvals/").content.decode()
    assert page.count('type="checkbox"') == 2
    assert "Look at the chosen ones" in page
    Approval.objects.update(risk="medium")
    page = as_(world.manager).get("/approvals/").content.decode()
    assert 'type="checkbox"' not in page and "Look at the chosen ones" not in page


def test_the_preview_lists_each_with_its_writes_and_changes_nothing(world: World) -> None:
    chosen = [world.approval, *low(world, 2)]
    page = preview(as_(world.manager), *chosen)
    assert Decision.objects.count() == 0
    html = page.content.decode()
    assert html.count("data-option=") == 3
    assert html.count("Refund a payment") >= 3
    assert "Approve 3: Refund a payment, HK$1,440.00 in total" in text_of(page)
    left_out = re.findall(r'href="/approvals/bulk/(\?[^"]+)"', html)
    assert len(left_out) == 3
    again = as_(world.manager).get("/approvals/bulk/" + unescape(left_out[0]))
    assert "HK$960.00 in total" in text_of(again)


def test_each_is_decided_and_recorded_by_itself(company: Small) -> None:
    chosen = [company.waiting()[1] for _n in range(3)]
    Approval.objects.update(risk="low")
    Proposal.objects.update(suggested="full")
    client = as_(User.objects.get(username="may"))
    done = confirm(client, preview(client, *chosen))
    assert "3 approved" in text_of(done)
    assert Decision.objects.filter(undone_at=None, option="full").count() == 3
    for one in chosen:
        assert Event.objects.filter(case=one.case_id, code="approval.decided").count() == 1
        company.go(Case.objects.get(pk=one.case_id))
    assert company.shop.sent("/payments") == 3


def test_what_changed_in_the_meantime_is_left_and_the_rest_is_decided(world: World) -> None:
    chosen = [world.approval, *low(world, 3)]
    client = as_(world.manager)
    page = preview(client, *chosen)
    Approval.objects.filter(pk=chosen[1].pk).update(fingerprint="e" * 64)
    Proposal.objects.filter(pk=chosen[1].proposal_id).update(fingerprint="e" * 64)
    as_(world.deputy).post(
        f"/approvals/{chosen[2].pk}/decide/", {"option": "full", "fingerprint": "f" * 64, "nonce": "other"}
    )
    done = confirm(client, page)
    said = text_of(done)
    assert "2 approved, 2 changed in the meantime and were left" in said
    assert "This changed while you were reading" in said and "does not wait for you any more" in said
    assert Decision.objects.filter(user=world.manager).count() == 2


def test_a_second_post_decides_nothing_more_and_says_the_same(world: World) -> None:
    chosen = [world.approval, *low(world, 2)]
    client = as_(world.manager)
    page = preview(client, *chosen)
    assert "3 approved" in text_of(confirm(client, page))
    assert "3 approved" in text_of(confirm(client, page))
    assert Decision.objects.count() == 3


def test_what_was_taken_back_is_not_approved_by_sending_it_again(world: World) -> None:
    client = as_(world.manager)
    page = preview(client, world.approval, *low(world))
    confirm(client, page)
    client.post(f"/approvals/{world.approval.pk}/undo/")
    again = text_of(confirm(client, page))
    assert "1 approved" in again and "took this decision back" in again
    assert Approval.objects.get(pk=world.approval.pk).state == "waiting"
    assert Decision.objects.filter(undone_at=None).count() == 1


def test_only_one_kind_goes_together(world: World) -> None:
    other_type = add_approval(world, add_case_row(world.delivery, world.now), risk="low")[2]
    other_option = low(world)[0]
    Proposal.objects.filter(pk=other_option.proposal_id).update(suggested="partial")
    other_rule = low(world)[0]
    Proposal.objects.filter(pk=other_rule.proposal_id).update(rules=[])
    client = as_(world.manager)
    page = preview(client, world.approval, other_type, other_option, other_rule)
    assert page.content.decode().count('name="row"') == 1
    assert text_of(page).count("another type, rule or option") == 3


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_a_forged_post_of_a_higher_risk_is_left(world: World, risk: str) -> None:
    client = as_(world.manager)
    page = preview(client, world.approval)
    Approval.objects.update(risk=risk)
    assert "0 approved, 1 changed" in text_of(confirm(client, page))
    assert Decision.objects.count() == 0


def test_a_forged_post_of_more_than_twenty_decides_twenty(world: World) -> None:
    chosen = [world.approval, *low(world, 22)]
    client = as_(world.manager)
    page = preview(client, *chosen)
    assert page.content.decode().count('name="row"') == 20
    rows = [f"{one.pk}.{one.fingerprint}" for one in chosen]
    said = text_of(confirm(client, page, row=rows))
    assert "20 approved, 3 changed" in said and "At most 20" in said
    assert Decision.objects.count() == 20


@pytest.mark.parametrize("option", ["reject", "partial", "nonsense", ""])
def test_no_other_option_than_the_suggested_one(world: World, option: str) -> None:
    client = as_(world.manager)
    confirm(client, preview(client, world.approval), option=option)
    assert Decision.objects.count() == 0


def test_who_may_not_decide_one_does_not_decide_it_this_way(world: World) -> None:
    page = preview(as_(world.manager), world.approval)
    for user in (world.frontline, world.outsider, world.admin, world.auditor):
        client = as_(user)
        assert preview(client, world.approval)["Location"] == "/approvals/"
        said = text_of(confirm(client, page))
        assert "0 approved" in said
        if user is world.outsider:
            assert "Tai Man" not in said
    assert Decision.objects.count() == 0


def test_ones_own_request_is_left(world: World) -> None:
    Case.objects.filter(pk=world.case.pk).update(opened_by=world.manager)
    other = low(world)[0]
    page = preview(as_(world.manager), world.approval, other)
    assert page.content.decode().count('name="row"') == 1


def test_nothing_chosen_leads_back(world: World) -> None:
    client = as_(world.manager)
    assert client.get("/approvals/bulk/")["Location"] == "/approvals/"
    assert client.post("/approvals/bulk/", {"row": "x.y"})["Location"] == "/approvals/"
    assert client.get("/approvals/bulk/?a=zzz&a=")["Location"] == "/approvals/"
    assert client.post("/approvals/bulk/", {"row": f"{world.approval.pk}.f", "nonce": "a\x00b"}).status_code == 400
    assert client.post("/approvals/bulk/", {"row": "x.y", "nonce": "n"})["Location"] == "/approvals/bulk/done/"
    assert client.get("/approvals/bulk/done/")["Location"] == "/approvals/"


def test_looking_at_nothing_says_so(world: World) -> None:
    """The button led back to the list without a word, as if it did nothing."""
    page = as_(world.manager).get("/approvals/bulk/", follow=True).content.decode()
    assert "Nothing is chosen. Tick some of the list first." in page


def test_each_can_be_undone_from_the_result(world: World) -> None:
    client = as_(world.manager)
    done = confirm(client, preview(client, world.approval, *low(world)))
    undo = re.findall(r'action="(/approvals/[^"]+/undo/)" data-until', done.content.decode())
    assert len(undo) == 2
    client.post(undo[0])
    assert sorted(Approval.objects.values_list("state", flat=True)) == ["decided", "waiting"]


@pytest.mark.parametrize(("path", "most"), [("/approvals/", 8), ("bulk", 20)])
def test_it_asks_as_much_for_many_as_for_few(world: World, path: str, most: int) -> None:
    client, counts = as_(world.manager), []
    chosen = [world.approval]
    for more in (9, 190):
        chosen += low(world, more)
        url = path if path.startswith("/") else "/approvals/bulk/?" + "&".join(f"a={one.pk}" for one in chosen[:20])
        client.get(url)
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        counts.append(len([q for q in asked if "SAVEPOINT" not in q["sql"]]))
    assert counts[0] == counts[1] <= most, counts


def capped(total: int) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    rule.then = {**rule.then, "together": {"total": total}}
    rule.save()


def test_the_rule_caps_what_is_decided_together(world: World) -> None:
    capped(1_000)
    chosen = [world.approval, *low(world, 2)]
    page = preview(as_(world.manager), *chosen)
    assert text_of(page).count("Together these would be more than HK$1,000.00, which the rule allows at once.") == 1
    done = confirm(as_(world.manager), page)
    assert "2 approved" in text_of(done)
    assert Decision.objects.count() == 2


def test_a_forged_post_over_the_cap_decides_up_to_it(world: World) -> None:
    capped(500)
    chosen = [world.approval, *low(world, 2)]
    page = preview(as_(world.manager), world.approval)
    done = confirm(as_(world.manager), page, row=[f"{one.pk}.{one.fingerprint}" for one in chosen])
    assert "1 approved" in text_of(done)
    assert Decision.objects.count() == 1


def test_what_has_to_be_ticked_is_not_decided_together(world: World) -> None:
    shows = {
        "as": "report",
        "source": {"argument": "text"},
        "period": {"argument": "text"},
        "basis": {"argument": "to"},
    }
    Operation.objects.filter(name="messages.send").update(shows=shows)
    answer = preview(as_(world.manager), world.approval, *low(world, 1))
    assert answer.status_code == 302
    assert Decision.objects.count() == 0
