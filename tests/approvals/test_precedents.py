"""What stands beside an approval: the customer's other cases and similar decisions, and nothing its reader may not see."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import Approval, Decision
from approvals.precedents import precedents
from cases.models import Case
from tests.world import World, add_approval, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


def decided(world: World, *, option: str = "full", case: Case | None = None, **more: Any) -> Approval:
    """One more approval of the same kind, decided by the deputy."""
    case = case or add_case_row(world.refund, world.now, customer="CU-1", contact="+85290000001")
    _proposal, _writes, approval = add_approval(world, case)
    at = more.pop("at", world.now - timedelta(days=1))
    Approval.objects.filter(pk=approval.pk).update(state="decided", decided_option=option, decided_at=at)
    Decision.objects.create(
        approval=approval, user=world.deputy, label="Ken Ho (ken.ho)", team="support-managers", option=option,
        fingerprint=approval.fingerprint, at=at, **more,
    )  # fmt: skip
    return approval


def seen_by(world: World, user: User, language: str = "en") -> Any:
    return precedents(user, world.approval, world.writes, language=language)


def page(world: World, user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.get(f"/approvals/{world.approval.pk}/").content.decode()


def test_it_lists_the_customers_other_cases_with_what_became_of_them(world: World) -> None:
    other = add_case_row(world.delivery, world.now, status="done", outcome="withdrawn")
    add_case_row(world.delivery, world.now, customer="CU-1", contact="+85290000001")
    shown = page(world, world.manager)
    part = re.search(r"This customer: 1 other case.*?</ul>", shown, re.DOTALL)
    assert part is not None
    for words in (f"/cases/{other.number}/", other.number, "Late delivery", "Done", "Withdrawn"):
        assert words.lower() in part[0].lower(), words


def test_of_many_cases_the_newest_five_are_shown(world: World) -> None:
    made = [add_case_row(world.delivery, world.now).pk for _n in range(7)]
    assert [case.pk for case in seen_by(world, world.manager).others] == made[:1:-1]


def test_a_customer_without_a_number_is_known_by_contact_and_nobody_by_nothing(world: World) -> None:
    add_case_row(world.delivery, world.now, customer="")
    world.approval.case.customer = ""
    assert len(seen_by(world, world.manager).others) == 1
    world.approval.case.contact = ""
    assert seen_by(world, world.manager).others == []


def test_other_cases_that_the_reader_may_not_see_are_not_told_of(world: World) -> None:
    add_case_row(world.delivery, world.now, confidential=True)
    assert seen_by(world, world.manager).others == []


def test_similar_decisions_say_who_decided_what_over_how_much_and_why(world: World) -> None:
    was = decided(
        world, option="partial", reason_code="Already compensated", reason="Already compensated: secret words"
    )
    shown = page(world, world.manager)
    part = re.search(r"Similar decisions: 1.*?</ul>", shown, re.DOTALL)
    assert part is not None
    for words in (f"/approvals/{was.pk}/", "Partial refund, HK$240.00", "Already compensated", "Ken Ho"):
        assert words in part[0], words
    assert "secret words" not in part[0]
    (one,) = seen_by(world, world.manager, "zh-hant").similar
    assert (one.option, one.amount, one.reason) == ("部分退款 HK$240.00", "HK$240.00", "已作補償")


def test_a_reject_is_a_precedent_too_and_an_undone_answer_is_none(world: World) -> None:
    decided(world, option="reject", reason_code="Outside policy")
    undone = decided(world)
    Decision.objects.filter(approval=undone).update(undone_at=world.now)
    Approval.objects.filter(pk=undone.pk).update(state="waiting")
    assert [one.option for one in seen_by(world, world.manager).similar] == ["Reject"]


def test_the_last_five_are_shown_the_newest_first(world: World) -> None:
    made = [decided(world, at=world.now - timedelta(days=day)) for day in range(1, 8)]
    assert [one.approval_id for one in seen_by(world, world.manager).similar] == [str(one.pk) for one in made[:5]]


def test_another_rule_and_another_operation_are_not_similar(world: World) -> None:
    other = decided(world)
    other.proposal.rules = []
    other.proposal.save(update_fields=["rules"])
    assert len(seen_by(world, world.manager).similar) == 1  # the same operation
    other.proposal.writes.update(operation=world.add_note)
    assert seen_by(world, world.manager).similar == []
    other.proposal.rules = world.proposal.rules
    other.proposal.save(update_fields=["rules"])
    assert len(seen_by(world, world.manager).similar) == 1  # the same rule


def test_similar_decisions_that_the_reader_may_not_see_are_not_told_of(world: World) -> None:
    decided(world, case=add_case_row(world.refund, world.now, confidential=True))
    assert len(seen_by(world, world.manager).similar) == 1  # asked to decide it, so seen
    assert seen_by(world, world.frontline).similar == []


def test_another_type_is_not_similar(world: World) -> None:
    decided(world, case=add_case_row(world.delivery, world.now))
    assert seen_by(world, world.manager).similar == []


def test_it_is_one_question_however_much_there_was(world: World) -> None:
    counted = []
    for more in (10, 90):
        for _n in range(more):
            decided(world, case=add_case_row(world.refund, world.now))
        with CaptureQueriesContext(connection) as asked:
            found = seen_by(world, world.manager)
        counted.append(len(asked))
        assert (len(found.others), len(found.similar)) == (5, 5)
    assert counted == [1, 1]


def test_both_are_folded_shut_and_the_record_says_whether_they_were_opened(world: World) -> None:
    decided(world, case=add_case_row(world.refund, world.now))
    client = Client()
    client.force_login(world.manager)
    shown = client.get(f"/approvals/{world.approval.pk}/").content.decode()
    for part in ("customer", "similar"):
        box = re.search(rf'<input type="checkbox" id="unfold-{part}"[^>]*>', shown)
        assert box is not None and "checked" not in box[0]
    noted = re.search(r'name="noted" value="([^"]+)"', shown)
    assert noted is not None
    sent = {"option": "full", "fingerprint": world.approval.fingerprint, "nonce": "n-1", "noted": noted[1]}
    client.post(f"/approvals/{world.approval.pk}/decide/", {**sent, "unfolded": "similar"})
    reading = Decision.objects.get(approval=world.approval).reading
    assert {"customer", "similar"} <= set(reading.folded) and reading.opened == ["similar"]
