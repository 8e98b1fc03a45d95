"""Changes of a request type that look like housekeeping, and take a rule its ground or people their look at a case."""

from typing import Any

import pytest

from approvals.models import Draft
from cases.actors import person
from cases.models import RequestType
from orchestrator.workmap import live, services
from tests.company import Small, small


@pytest.fixture
def company(db: None) -> Any:
    with small() as company:
        company.receive()  # a running system
        yield company


def change(company: Small, name: str, **parts: Any) -> int:
    """Grace changes a request type by herself; how many drafts wait for a second person after it."""
    record = live.read().records["request_type", name]
    services.change_record(
        actor=person(company.as_("grace").user),
        what="request_type",
        name=name,
        becomes={**record, **parts},
        reason="housekeeping",
    )
    return Draft.objects.filter(state="open").count()


def facts(name: str) -> list[str]:
    return list(RequestType.objects.get(name=name).facts.filter(retired=False).values_list("name", flat=True))


def test_a_fact_that_a_rule_asks_for_does_not_come_to_a_type_by_one_person(company: Small) -> None:
    """In `notes` nobody knew how many refunds there were, so a person was asked: now it would be none, always."""
    company.rule("repeat", {"ask": "heads"}, all=[{"fact": "refunds", "is": "at least", "value": 1}])
    assert change(company, "notes", facts=[{"name": "refunds", "kind": "number", "from": [{"formula": "0"}]}]) == 1
    assert facts("notes") == []
    assert change(company, "side", facts=[{"name": "other", "kind": "number", "from": [{"formula": "0"}]}]) == 1
    assert facts("side") == ["other"]


def test_a_rule_of_another_type_asks_for_nothing_here(company: Small) -> None:
    condition = [{"formula": "refunds > 0", "is": "is", "value": True}]
    company.rule("repeat", {"ask": "heads"}, types=["refund"], all=condition)
    assert change(company, "notes", facts=[{"name": "refunds", "kind": "number", "from": [{"formula": "0"}]}]) == 0
    assert facts("notes") == ["refunds"]


@pytest.mark.parametrize("key", [{"case_key": {"payment_id": "mine"}}, {"money": {"fact": "mine"}}])
def test_nor_does_a_fact_by_which_an_operation_knows_its_records_or_its_money(company: Small, key: Any) -> None:
    company.change("shop.refund", **key)
    assert change(company, "notes", facts=[{"name": "mine", "kind": "list", "from": [{"formula": '["p2"]'}]}]) == 1
    assert facts("notes") == []


def test_one_person_leads_no_step_past_those_who_look_at_it(company: Small) -> None:
    steps = {step["name"]: step for step in live.read().records["request_type", "side"]["steps"]}
    never = {"all": [{"formula": "1 + 1", "is": "is", "value": 3}]}
    steps["look"] |= {"when": never}
    steps["last"] |= {"after": ["join"]}
    steps["more"] = {"name": "more", "agent": "clerk", "does": "Sooner", "after": ["join"]}
    assert change(company, "side", steps=list(steps.values())) == 1
    now = {step["name"]: step for step in live.read().records["request_type", "side"]["steps"]}
    assert "when" not in now["look"] and now["last"]["after"] == ["look"]
    assert "more" in now  # the same agent works before the look already
