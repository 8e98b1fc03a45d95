"""What is masked on an approval is masked where its story is told: case page, its history, the admin, the API."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Operation, Proposal, Write
from approvals import hiding
from approvals.masks import Masks
from approvals.models import Approval
from cases.actors import person
from cases.clock import database_now
from cases.ledger import Entry, verify
from cases.models import Event, EventDetail
from cases.transitions import lock, save
from tests.api.program import program
from tests.approvals.test_friction import signed_in, world
from tests.world import FINGERPRINT, World, add_approval, add_case_row

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
    compared = {"source": "argument", "left": "payment_id", "left_value": NUMBER, "right_value": NUMBER}
    Proposal.objects.update(rules=[{"name": "r", "compared": [compared]}], why=f"It went to {NUMBER}")
    Approval.objects.update(title=f"Refund to {NUMBER}")
    for name, pk in (("agents/proposal", told.proposal.pk), ("approvals/approval", told.approval.pk)):
        page = admin.get(f"/admin/{name}/{pk}/change/")
        assert page.status_code == 200 and "4242" in page.content.decode() and not CLEAR.search(page.content.decode())


def test_the_admin_shows_no_secret_argument(told: World) -> None:
    Operation.objects.filter(name="payments.refund").update(masked=[], secret=["payment_id"])
    told.admin.groups.add(told.managers.group)
    for write in Write.objects.filter(name="refund"):
        page = signed_in(told.admin).get(f"/admin/agents/write/{write.pk}/change/")
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


@pytest.fixture
def compared(told: World) -> World:
    """A rule compared it, it was looked at, and the system says it back."""
    pair = {"source": "argument", "left": "payment_id", "comparison": "is", "left_value": NUMBER, "left_known": True,
            "right": "", "right_value": NUMBER, "result": True}  # fmt: skip
    sentence = {"en": f"When payment id is {NUMBER}, ask Support managers.", "zh-hant": f"付款編號為 {NUMBER}。"}
    rules = [{**told.proposal.rules[0], "compared": [pair], "sentence": sentence}]
    evidence = [{**told.proposal.evidence[0], "found": f"Paid with {NUMBER}"}]
    Proposal.objects.update(rules=rules, evidence=evidence, why=f"{NUMBER} was charged twice")
    Write.objects.filter(name="refund").update(result={"paid_to": OTHER}, error=f"no such payment {NUMBER}")
    return told


@pytest.mark.parametrize("by", ["person", "team"])
def test_the_api_masks_what_rules_compared_and_systems_answered(compared: World, by: str) -> None:
    token = program("read", user=compared.manager) if by == "person" else program("read", team=compared.managers)
    for path in (f"proposals/{compared.proposal.pk}/", f"approvals/{compared.approval.pk}/", "approvals/"):
        answer = token.get(path)
        assert answer.status_code == 200, answer.content
        text = answer.content.decode()
        assert not CLEAR.search(text), path
        found = answer.json().get("results", [answer.json()])[0]
        write = next(one for option in found["options"] for one in option["writes"] if one["name"] == "refund")
        assert (write["result"], write["error"]) == ({"paid_to": "•••• 5555"}, "no such payment •••• 4242")
        pair = found["rules"][0]["compared"][0]
        assert (pair["left_value"], pair["right_value"], pair["left"]) == ("•••• 4242", "•••• 4242", "payment_id")
        assert found["fingerprint"] == FINGERPRINT, "what a decision names stays whole"


def test_the_approval_page_masks_what_rules_compared_and_its_raw_data(compared: World) -> None:
    Proposal.objects.update(facts={"payment_ids": [NUMBER, OTHER]})
    client, path = signed_in(compared.manager), f"/approvals/{compared.approval.pk}/"
    page = client.get(path).content.decode()
    assert "payment id: •••• 4242 = •••• 4242" in page and "When payment id is •••• 4242" in page
    assert "left_value" in page and "Paid with •••• 4242" in page and "•••• 4242 was charged twice" in page
    assert not CLEAR.search(page)
    Approval.objects.update(risk="high")
    check = client.post(f"{path}decide/", {"option": "reject", "fingerprint": FINGERPRINT, "nonce": "n", "reason": "x"})
    assert "Paid with •••• 4242" in check.content.decode() and not CLEAR.search(check.content.decode())


def test_the_closed_page_masks_what_a_system_answered(compared: World) -> None:
    Approval.objects.update(state="decided", decided_option="full")
    Write.objects.filter(name="refund").update(reference=f"R-{NUMBER}")
    page = signed_in(compared.manager).get(f"/approvals/{compared.approval.pk}/").content.decode()
    assert "no such payment •••• 4242" in page and "Reference R-•••• 4242" in page and not CLEAR.search(page)


def test_what_was_opened_stands_in_its_grounds_too(compared: World) -> None:
    client, path = signed_in(compared.manager), f"/approvals/{compared.approval.pk}/"
    client.post(f"{path}open/", {"open": "full.refund.payment_id"})
    page = client.get(path).content.decode()
    assert f"payment id: {NUMBER} = {NUMBER}" in page and f"Paid with {NUMBER}" in page


def test_a_link_to_what_is_masked_is_none(compared: World) -> None:
    """The address would tell the value, or lead nowhere."""
    row = compared.proposal.evidence[0]
    links = [f"https://pay.example.com/{number}" for number in (NUMBER, "A-1")]
    Proposal.objects.update(evidence=[{**row, "link": link} for link in links])
    page = signed_in(compared.manager).get(f"/approvals/{compared.approval.pk}/").content.decode()
    assert links[1] in page and "pay.example.com/•" not in page and not CLEAR.search(page)


def test_the_agent_that_proposed_it_reads_its_own_arguments(compared: World) -> None:
    """No more than that: neither rules nor evidence, and of an answer the fields of its grant."""
    assert compared.proposal.proposer_agent == compared.finance
    said = program("agent", agent=compared.finance).get(f"proposals/{compared.proposal.pk}/").json()
    assert (said["rules"], said["evidence"]) == ([], [])
    assert said["proposed"][0]["arguments"]["payment_id"] == NUMBER


def test_masking_a_page_of_approvals_asks_as_often_for_many_as_for_few(compared: World) -> None:
    token = program("read", user=compared.manager)
    asked = []
    for more in (9, 190):
        for _n in range(more):
            add_approval(compared, add_case_row(compared.refund, compared.now))
        with CaptureQueriesContext(connection) as queries:
            assert len(token.get("approvals/", limit=200).json()["results"]) == Approval.objects.count()
        asked.append(len(queries))
    assert asked[0] == asked[1]


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


def test_what_a_rule_compared_is_masked_by_the_name_of_its_argument_too() -> None:
    """A value too short to be looked for anywhere is masked where its name stands."""
    masks = Masks({"pay": frozenset({"to"})}, {"w": frozenset({"to"})})
    left = {"source": "argument", "left": "to.id", "left_value": "P-1", "right": "", "right_value": ["P-1", "P-2"]}
    right = {"source": "fact", "left": "id", "left_value": "P-1", "right": "argument to", "right_value": "P-1"}
    for pair in (left, right):
        assert masks.hide([{"compared": [pair]}]) == [
            {"compared": [{**pair, "left_value": "••••", "right_value": "••••"}]}
        ]
    other = {"source": "fact", "left": "to", "left_value": "P-1", "right": "", "right_value": None}
    assert masks.hide(other) == other


def test_without_masked_operations_nothing_is_asked_or_changed(world: World, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        masks = hiding.masks_of(world.case.pk)
    data = {"operation": "payments.refund", "arguments": {"payment_id": NUMBER}}
    assert masks.hide(data) is data
