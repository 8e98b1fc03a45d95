"""Where several decide, the first fixes option and values: who comes later sees exactly these, and confirms or rejects."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import first_answer, services
from approvals.errors import Changed
from approvals.models import Approval, Asked, Decision
from cases.actors import person
from cases.errors import Incorrect
from cases.models import Event, RequestType
from tests.api.program import program
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build

MOST = 18  # ux.md 5.2, the page of an approval
TOLD = "Ken Ho changed amount from HK$480.00 to HK$300.00"


@pytest.fixture
def world(db: None) -> World:
    """Two managers are asked. Ken, the deputy, answers first; May, the manager, comes later."""
    cache.clear()
    world = build()
    Asked.objects.update(people=2)
    return world


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def at(world: World, part: str = "") -> str:
    return f"/approvals/{world.approval.pk}/{part}"


def hidden(answer: Any) -> dict[str, str]:
    """The hidden fields of the form that decides."""
    form = answer.content.decode().partition("/decide/")[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {unescape(name): unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


def first(world: World, option: str = "full", amount: int | None = 300, **more: Any) -> None:
    """Ken's answer; without an amount he changes nothing."""
    edits = {"refund": {"amount": amount}} if amount is not None else None
    asked_for = {"fingerprint": FINGERPRINT, "reason": "Late", "edits": edits} | more
    services.decide(actor=person(world.deputy), approval_id=world.approval.pk, option=option, **asked_for)


def test_the_page_shows_the_values_as_they_are_fixed_and_by_whom(world: World) -> None:
    first(world)
    page = client_of(world.manager).get(at(world))
    html, said = page.content.decode(), words(page)
    assert TOLD in said and "You changed" not in said
    assert "Ken Ho chose “Full refund, HK$480.00”. Confirm that or reject it." in said
    assert re.findall(r'name="option" value="(\w+)"', html) == ["reject", "full"]
    assert re.findall(r'class="words o\d+">([^<]+)<', html) == ["Reject", "Refund a payment HK$300.00"]
    assert "Costs HK$300.00" in said and "edit.2." not in html
    for other in (world.deputy, world.frontline):  # who answered, and who only sees it
        assert TOLD in words(client_of(other).get(at(world)))


def test_a_change_is_confirmed_on_the_check_page_and_asks_for_no_reason(world: World) -> None:
    first(world)
    client = client_of(world.manager)
    sent = hidden(client.get(at(world))) | {"option": "full"}
    check = client.post(at(world, "decide/"), sent)
    assert check.status_code == 200 and "Check before it counts" in words(check) and TOLD in words(check)
    assert "Refund a payment HK$300.00" in words(check) and Decision.objects.count() == 1
    assert client.post(at(world, "decide/"), hidden(check)).status_code == 302
    assert Approval.objects.get(pk=world.approval.pk).state == "decided"
    assert Decision.objects.get(user=world.manager).edits == {"refund": {"amount": 300}}
    assert world.proposal.writes.get(option="full", name="refund").decided["amount"] == 300


def test_an_answer_to_the_values_before_decides_nothing_and_keeps_what_was_entered(world: World) -> None:
    client = client_of(world.manager)
    sent = hidden(client.get(at(world))) | {"option": "full", "reason": "My reason", "edit.2.refund.amount": "480"}
    first(world)
    for more in ({}, {"edit.2.refund.amount": "470"}, {"option": "partial"}):
        late = client.post(at(world, "decide/"), sent | more)
        assert late.status_code == 409 and "This changed while you were reading" in words(late)
        assert "My reason" in late.content.decode() and TOLD in words(late)
        assert "Full refund, HK$480.00: amount HK$480.00 HK$300.00" in words(late)  # before, and now
    assert Decision.objects.count() == 1
    with pytest.raises(Changed):
        services.decide(
            actor=person(world.manager), approval_id=world.approval.pk, fingerprint=FINGERPRINT, option="full"
        )
    kept = client.post(at(world, "decide/"), sent)
    check = client.post(at(world, "decide/"), hidden(kept) | {"option": "full", "reason": "My reason"})
    assert client.post(at(world, "decide/"), hidden(check)).status_code == 302


def test_only_what_was_chosen_first_and_reject_can_be_answered(world: World) -> None:
    """Nothing was changed, so that the values seen before still stand; another option or value does not."""
    client = client_of(world.manager)
    sent = hidden(client.get(at(world))) | {"reason": "r"}
    first(world, "partial", None)
    for more in ({"option": "full"}, {"option": ""}):
        refused = client.post(at(world, "decide/"), sent | more)
        assert refused.status_code == 422
        assert "Ken Ho chose “Partial refund, HK$240.00”. Confirm that or reject it." in words(refused)
    changed = client.post(at(world, "decide/"), sent | {"option": "partial", "edit.1.refund.amount": "200"})
    assert changed.status_code == 422 and "The first person fixed the values" in words(changed)
    assert Decision.objects.count() == 1
    assert client.post(at(world, "decide/"), sent | {"option": "partial"}).status_code == 302
    assert Approval.objects.get(pk=world.approval.pk).decided_option == "partial"


def test_a_reject_needs_no_check_and_a_form_sent_twice_gives_its_first_answer(world: World) -> None:
    ken = client_of(world.deputy)
    edits = {"option": "full", "reason": "Late", "edit.2.refund.amount": "300"}
    check = ken.post(at(world, "decide/"), hidden(ken.get(at(world))) | edits)
    for _time in range(2):
        assert ken.post(at(world, "decide/"), hidden(check)).status_code == 302
    assert Decision.objects.count() == 1
    client = client_of(world.manager)
    sent = hidden(client.get(at(world))) | {"option": "reject", "reason": "No"}
    assert client.post(at(world, "decide/"), sent).status_code == 302
    assert Approval.objects.get(pk=world.approval.pk).decided_option == "reject"


def test_who_chooses_first_can_say_why_they_confirm_another_option(world: World) -> None:
    """The suggestion is not among what is offered any more; the check page still shows it and asks for the reason."""
    RequestType.objects.update(suggestion_after_choice=True)
    Approval.objects.update(risk="high")
    first(world, "partial", None)
    client = client_of(world.manager)
    page = client.get(at(world))
    assert "uggest" not in page.content.decode()
    check = client.post(at(world, "decide/"), hidden(page) | {"option": "partial"})
    assert "Full refund, HK$480.00 You chose something else." in words(check)
    assert '<textarea id="reason"' in check.content.decode()
    assert client.post(at(world, "decide/"), hidden(check) | {"reason": "Half is fair"}).status_code == 302


@pytest.mark.parametrize("option", ["full", "partial"])
def test_at_low_risk_the_suggestion_is_chosen_beforehand_if_it_is_offered(world: World, option: str) -> None:
    Approval.objects.update(risk="low")
    first(world, option, None)
    page = client_of(world.manager).get(at(world)).content.decode()
    assert bool(re.search(r'name="option"[^>]*checked', page)) is (option == "full")


def test_after_an_undo_all_options_are_back_as_proposed(world: World) -> None:
    first(world)
    shown = first_answer.to_name(world.approval, Decision.objects.get())
    services.decide(actor=person(world.manager), approval_id=world.approval.pk, fingerprint=shown, option="full")
    services.undo(actor=person(world.manager), approval_id=world.approval.pk)
    page = client_of(world.manager).get(at(world))
    assert re.findall(r'name="option" value="(\w+)"', page.content.decode()) == ["reject", "partial", "full"]
    assert re.findall(r'class="words o\d+">([^<]+)<', page.content.decode())[-1] == "Full refund, HK$480.00"


def test_a_program_reads_the_values_as_they_are_fixed_and_names_what_it_read(world: World) -> None:
    path, may = f"approvals/{world.approval.pk}/", program("staff", "decide", user=world.manager)
    before = may.get(path).json()
    assert before["first_answer"] is None
    first(world)
    now = may.get(path).json()
    assert now["first_answer"] == {"by": "Ken Ho", "option": "full"} and now["fingerprint"] != before["fingerprint"]
    refund = next(one for one in now["options"] if one["name"] == "full")["writes"][0]
    assert refund["arguments"]["amount"] == 300 and refund["money"] == {"amount": "300.00", "currency": "HKD"}
    assert may.get("approvals/", waiting_for="me").json()["results"][0]["fingerprint"] == now["fingerprint"]
    late = may.post(f"{path}decision/", {"fingerprint": before["fingerprint"], "option": "full"})
    assert (late.status_code, late.json()["code"]) == (409, "changed")
    assert late.json()["detail"]["now_is"] == now["fingerprint"]
    done = may.post(f"{path}decision/", {"fingerprint": now["fingerprint"], "option": "full"})
    assert done.status_code == 200 and done.json()["state"] == "decided"
    assert done.json()["first_answer"] is None
    assert done.json()["fingerprint"] == Approval.objects.get(pk=world.approval.pk).fingerprint


@pytest.mark.parametrize(
    ("option", "amount", "together"), [("full", None, True), ("full", 300, False), ("partial", None, False)]
)
def test_together_only_what_stands_as_it_is_suggested(
    world: World, option: str, amount: int | None, together: bool
) -> None:
    Approval.objects.update(risk="low")
    first(world, option, amount)
    client = client_of(world.manager)
    page = client.get("/approvals/bulk/", {"a": [str(world.approval.pk)]})
    sent = {"nonce": "n-9", "option": "full", "row": [f"{world.approval.pk}.{FINGERPRINT}"]}
    done = words(client.post("/approvals/bulk/", sent, follow=True))
    assert (page.status_code == 200) is together
    assert ("1 approved" in done) is together
    assert Decision.objects.count() == (2 if together else 1)


def test_the_page_asks_no_more_for_it(world: World) -> None:
    counts = []
    client = client_of(world.manager)
    for answered in (False, True):
        if answered:
            first(world)
        client.get(at(world))
        with CaptureQueriesContext(connection) as asked:
            client.get(at(world))
        counts.append(len([q for q in asked if "SAVEPOINT" not in q["sql"]]))
    assert counts[0] == counts[1] <= MOST, counts


def test_the_history_keeps_what_each_of_them_decided(world: World) -> None:
    first(world)
    shown = first_answer.to_name(world.approval, Decision.objects.get())
    with pytest.raises(Incorrect):
        services.decide(
            actor=person(world.manager), approval_id=world.approval.pk, fingerprint=shown, option="full",
            edits={"refund": {"amount": 200}}, reason="r",
        )  # fmt: skip
    services.decide(actor=person(world.manager), approval_id=world.approval.pk, fingerprint=shown, option="full")
    said = [event.detail.data for event in Event.objects.filter(code="approval.decided").order_by("seq")]
    assert [one["edits"] for one in said] == [{"refund": {"amount": 300}}] * 2
    assert [one["fingerprint"] for one in said] == [FINGERPRINT, shown]


def test_another_approval_is_untouched(world: World) -> None:
    first(world)
    other = add_approval(world, add_case_row(world.refund, world.now))[2]
    page = client_of(world.manager).get(f"/approvals/{other.pk}/").content.decode()
    assert re.findall(r'name="option" value="(\w+)"', page) == ["reject", "partial", "full"]
    assert f'name="fingerprint" value="{FINGERPRINT}"' in page


def test_a_reject_takes_nothing_of_what_was_fixed_for_another_option(world: World) -> None:
    """Both options have a write `message`: who rejects may word theirs, and never sends the other one's."""
    edits = {"message": {"text": "We refund half."}}
    services.decide(
        actor=person(world.deputy), approval_id=world.approval.pk, fingerprint=FINGERPRINT, option="full",
        edits=edits, reason="Half",
    )  # fmt: skip
    shown = first_answer.to_name(world.approval, Decision.objects.get())
    client = client_of(world.manager)
    page = client.get(at(world))
    assert "edit.0.message.text" in page.content.decode() and "edit.2." not in page.content.decode()
    services.decide(
        actor=person(world.manager), approval_id=world.approval.pk, fingerprint=shown, option="reject", reason="No"
    )
    assert world.proposal.writes.get(option="reject", name="message").decided["text"] == "We cannot refund this order."
    assert Decision.objects.get(user=world.manager).edits == {}
