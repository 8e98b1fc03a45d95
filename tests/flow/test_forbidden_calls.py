"""An outside agent's call that a rule forbids: nothing is sent, and it is told why in the language of the call."""

from typing import Any

import pytest
from django.utils import translation

from agents import configuration
from agents.errors import Forbidden
from agents.models import Agent, Proposal
from cases.clock import database_now
from cases.models import Case
from orchestrator.flow.calls import answer_of, call
from tests.company import Small

NEVER = {"forbid": {"en": "Not in this season", "zh-hant": "本季不可"}}
in_each_language = pytest.mark.parametrize(
    ("language", "words"), [("en", "Not in this season"), ("zh-hant", "本季不可")]
)


def asks(company: Small, case: Case) -> Any:
    return call(
        actor=company.courier(), case_id=case.pk, operation="shop.voucher", arguments={"amount": 5}, turn=case.turn
    )


@in_each_language
def test_it_is_told_at_once(company: Small, language: str, words: str) -> None:
    company.rule("never", NEVER, "shop.voucher")
    case = company.go(company.receive("outside"))
    with translation.override(language), pytest.raises(Forbidden) as refusal:
        asks(company, case)
    assert refusal.value.message.startswith(words)
    assert company.shop.done == []


@in_each_language
def test_it_is_told_again_to_who_asks_later(company: Small, language: str, words: str) -> None:
    company.rule("never", NEVER, "shop.voucher")
    case = company.go(company.receive("outside"))
    with pytest.raises(Forbidden):
        asks(company, case)
    proposal, courier = Proposal.objects.get(case=case), Agent.objects.get(name="courier")
    with translation.override(language), pytest.raises(Forbidden) as refusal:
        answer_of(proposal, courier, configuration.current(), database_now())
    assert refusal.value.message.startswith(words)
