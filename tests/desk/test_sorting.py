"""What a person says a request is: the answer in triage or a correction; it begins anew and becomes an example."""

from collections.abc import Iterator

import pytest

from approvals.models import Approval
from cases.errors import Incorrect, WrongState
from cases.ledger import verify
from cases.models import Example, RequestType
from orchestrator.desk.services import close, sort
from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def test_triage_is_answered_with_one_click_and_learned_from(company: Small) -> None:
    case = company.go(company.receive("", text="Something nobody has ever asked about qwertz"))
    assert case.status == "triage" and case.type is None and len(case.why_here["top"]) <= 3
    case = sort(actor=company.as_("ka"), case_id=case.pk, type_name="chores")
    assert (case.status, case.turn) == ("working", 2) and case.type is not None and case.type.name == "chores"
    example = Example.objects.get(case_id=case.pk)
    assert (example.type, example.by) == (case.type, "Ka (ka)")
    assert company.go(case).status == "done" and len(company.shop.effects("/tickets")) == 1
    assert company.codes(case).count("request.sorted") >= 1 and verify().first_broken is None


def test_a_phrase_sorts_without_a_person(company: Small) -> None:
    case = company.go(company.receive("", text="I want my money back for A100"))
    assert case.type is not None and case.type.name == "refund" and case.sorting["by"] == "phrase"


def test_a_correction_withdraws_what_was_begun(company: Small) -> None:
    case, approval = company.waiting()
    case = sort(actor=company.as_("ka"), case_id=case.pk, type_name="chores")
    approval.refresh_from_db()
    assert approval.state == "withdrawn" and case.facts == {} == case.steps
    case = company.go(case)
    assert case.status == "done" and [d["path"] for d in company.shop.done] == ["/tickets"]
    assert not Approval.objects.filter(case=case, state="waiting").exists()


def test_none_of_our_types_stays_with_the_person(company: Small) -> None:
    case = company.go(company.receive("", text="Something else entirely"))
    case = sort(actor=company.as_("ka"), case_id=case.pk, type_name="none")
    assert (case.status, case.holder_kind, case.why_here) == ("triage", "person", {"code": "no_type"})
    assert Example.objects.get(case_id=case.pk).type is None
    assert company.go(case).status == "triage"


def test_a_person_s_word_beats_the_data(company: Small) -> None:
    row = RequestType.objects.get(name="notes")
    row.routes = [{"when": {"all": [{"formula": "1 + 1", "is": "is", "value": 2}]}, "to": "chores"}]
    row.save()
    routed = company.go(company.receive("notes"))
    assert routed.type is not None and routed.type.name == "chores" and routed.sorting["routed"] == "notes"
    case = company.go(company.receive("", text="Something else entirely"))
    case = company.go(sort(actor=company.as_("ka"), case_id=case.pk, type_name="notes"))
    assert case.type is not None and case.type.name == "notes"


def test_the_same_type_a_closed_case_and_an_unknown_type_are_refused(company: Small) -> None:
    ka = company.as_("ka")
    case, _approval = company.waiting()
    with pytest.raises(WrongState):
        sort(actor=ka, case_id=case.pk, type_name="refund")
    for name in ("nothing", "", "Refund", "refund "):
        with pytest.raises(Incorrect):
            sort(actor=ka, case_id=case.pk, type_name=name)
    RequestType.objects.filter(name="gifts").update(retired=True)
    with pytest.raises(Incorrect):
        sort(actor=ka, case_id=case.pk, type_name="gifts")
    close(actor=ka, case_id=case.pk, outcome="x")
    with pytest.raises(WrongState):
        sort(actor=ka, case_id=case.pk, type_name="chores")


def test_a_case_in_triage_is_not_sorted_by_the_machine_again(company: Small) -> None:
    from orchestrator.flow.services import wake_paused

    case = company.go(company.receive("", text="Something else entirely"))
    events = company.codes(case)
    wake_paused()
    company.go(case)
    assert company.codes(case) == events
