"""What is masked on an approval is masked where its story is told: case page, its history, the admin, the API."""

import re

import pytest

from agents.models import Operation, Write
from approvals import hiding
from approvals.masks import Masks
from cases.actors import person
from cases.clock import database_now
from cases.ledger import Entry, verify
from cases.models import Event, EventDetail
from cases.transitions import lock, save
from tests.api.program import program
from tests.approvals.test_friction import signed_in, world
from tests.world import World

assert world  # the fixture

NUMBER = "HK-0042-9981-4242"
OTHER = "HK-0042-9981-5555"
CLEAR = re.compile(r"HK-0042")


@pytest.fixture
def told(world: World) -> World:
    """Every kind of event that may name an argument, with the masked one in it."""
    Operation.objects.filter(name="payments.refund").update(masked=["payment_id"])
    arguments = {"payment_id": NUMBER, "amount": 480, "reason": "Late"}
    Write.objects.filter(name="refund").update(proposed=arguments, decided={**arguments, "payment_id": OTHER})
    actor, case = person(world.manager), world.case
    write = {"operation": "payments.refund", "arguments": arguments}
    entries = [
        Entry("proposal.made", actor, {"options": [{"name": "full", "writes": [write]}]}),
        Entry("permit.held", actor, {"option": "full", "writes": [{"name": "refund", **write}]}),
        Entry("write.reserved", actor, {"name": "refund", **write}),
        Entry("write.done", actor, {"name": "refund", "operation": "payments.refund", "result": {"from": OTHER}}),
        Entry("write.failed", actor, {"name": "refund", "operation": "x", "error": f"no such payment {NUMBER}."}),
        Entry(
            "approval.decided",
            actor,
            {
                "option": "full",
                "edits": {"refund": {"payment_id": OTHER, "amount": 300}},
                "before": {"refund": {"payment_id": NUMBER, "amount": 480}},
            },
        ),
    ]
    save(lock(case.pk), entries, now=database_now())
    return world


def test_the_case_page_and_its_earlier_events_mask_it(told: World) -> None:
    client = signed_in(told.manager)
    for path, headers in (("", {}), ("story/", {"HX-Request": "true"})):
        page = client.get(f"/cases/{told.case.number}/{path}", headers=headers).content.decode()
        assert "permit.held" in page and not CLEAR.search(page)
        assert "•••• 4242" in page and "•••• 5555" in page
        assert "480" in page, "the other arguments stand as they are"


def test_the_history_on_the_approval_masks_it(told: World) -> None:
    page = signed_in(told.manager).get(f"/approvals/{told.approval.pk}/").content.decode()
    assert "permit.held" in page and not CLEAR.search(page)


def test_what_a_person_opened_they_see_in_the_story_too_and_nobody_else(told: World) -> None:
    """The opening is the recorded one of the approval; the page of the case opens nothing by itself."""
    client, path = signed_in(told.manager), f"/cases/{told.case.number}/"
    client.post(f"/approvals/{told.approval.pk}/open/", {"open": "full.refund.payment_id"})
    assert Event.objects.filter(case=told.case, code="approval.opened").count() == 1
    assert NUMBER in client.get(path).content.decode()
    assert not CLEAR.search(signed_in(told.deputy).get(path).content.decode())


def test_the_ledger_keeps_what_was_and_still_verifies(told: World) -> None:
    assert EventDetail.objects.filter(event__case=told.case, data__icontains=NUMBER).exists()
    assert verify(case_id=told.case.pk).first_broken is None


def test_the_admin_masks_it(told: World) -> None:
    told.admin.groups.add(told.managers.group)
    admin = signed_in(told.admin)
    seen = 0
    for row in EventDetail.objects.filter(event__case=told.case):
        page = admin.get(f"/admin/cases/eventdetail/{row.pk}/change/")
        assert page.status_code == 200 and not CLEAR.search(page.content.decode())
        seen += "4242" in page.content.decode()
    assert seen
    for write in Write.objects.filter(name="refund"):
        page = admin.get(f"/admin/agents/write/{write.pk}/change/")
        assert page.status_code == 200 and not CLEAR.search(page.content.decode())


@pytest.mark.parametrize("path", ["timeline/", "audit"])
def test_the_api_masks_it_in_the_story(told: World, path: str) -> None:
    number = told.case.number
    answer = read(
        told, f"/api/v1/cases/{number}/timeline/" if path == "timeline/" else f"/api/v1/audit/cases/{number}/"
    )
    assert "4242" in answer and not CLEAR.search(answer)


def test_the_api_masks_it_in_proposals_and_approvals(told: World) -> None:
    for path in (f"proposals/{told.proposal.pk}/", f"approvals/{told.approval.pk}/", "approvals/"):
        answer = read(told, f"/api/v1/{path}")
        assert "5555" in answer and not CLEAR.search(answer), path


def read(world: World, path: str) -> str:
    answer = program("read", user=world.manager).get(path)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


# ---------------------------------------------------------------------- pure

MASKS = Masks({"pay": frozenset({"to", "n"})}, {"w": frozenset({"to"})}, ("123456789", "abcde"), frozenset())


def test_it_masks_by_name_and_wherever_the_value_stands() -> None:
    assert MASKS.hide({"operation": "pay", "arguments": {"to": "xy", "n": 7, "other": 1}}) == {
        "operation": "pay",
        "arguments": {"to": "••••", "n": "••••", "other": 1},
    }
    assert MASKS.hide({"edits": {"w": {"to": "xy", "n": 7}, "v": {"to": "xy"}}}) == {
        "edits": {"w": {"to": "••••", "n": 7}, "v": {"to": "xy"}}
    }
    assert MASKS.hide(["to 123456789, please", 123456789, {"deep": "abcde"}, None, True, 12]) == [
        "to •••• 6789, please", "•••• 6789", {"deep": "••••"}, None, True, 12,
    ]  # fmt: skip


def test_without_masked_operations_nothing_is_asked_or_changed(world: World, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        masks = hiding.masks_of(world.case.pk)
    data = {"operation": "payments.refund", "arguments": {"payment_id": NUMBER}}
    assert masks.hide(data) is data
