"""Warnings beside a rule: who wins, what never has an effect, who is not there, and what people had refused."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.configuration import current
from agents.models import Proposal
from approvals.asking import EscalationLines
from approvals.models import Rule
from cases.models import Team
from orchestrator.workmap import services
from orchestrator.workmap.gaps import gaps
from orchestrator.workmap.ruling import previewing, warning
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_admin import address, filled
from tests.workmap.test_replaying import BY, load, page, replay, rule, standing

__all__ = ["page"]
LINES = EscalationLines({"support": "managers", "managers": "heads", "heads": None})


def over(limit: int) -> dict[str, Any]:
    return {"argument": "amount", "is": "more than", "value": limit}


def test_it_says_which_of_two_wins_and_nothing_of_those_that_never_meet() -> None:
    small, large = standing(300), rule("large", {"ask": "heads"}, over(300))
    assert warning.overlaps(small, [large], LINES) == []
    (words,) = warning.overlaps(standing(400), [large], LINES)
    assert "large wins" in words
    (words,) = warning.overlaps(large, [rule("lower", {"ask": "managers"}, over(10))], LINES)
    assert "this rule wins" in words
    (words,) = warning.overlaps(large, [rule("two", {"ask": "managers", "people": 2}, over(10))], LINES)
    assert "both count" in words
    assert warning.overlaps(large, [{**rule("off", {"forbid": "x"}), "active": False}], LINES) == []


@pytest.mark.parametrize(
    ("mine", "other", "never"),
    [
        (rule("mine", {"ask": "managers"}, over(500)), rule("other", {"forbid": "no"}, over(300)), True),
        (rule("mine", {"ask": "managers"}, over(200)), rule("other", {"forbid": "no"}, over(300)), False),
        (rule("mine", {"ask": "managers"}, over(500)), rule("other", {"ask": "heads"}, over(300)), True),
        (rule("mine", {"ask": "managers", "people": 2}, over(500)), rule("other", {"ask": "heads"}, over(300)), False),
        (rule("mine", {"ask": "heads"}, over(500)), rule("other", {"ask": "managers"}, over(300)), False),
        (standing(300), rule("other", {"ask": "managers"}), True),
    ],
)
def test_it_says_when_a_rule_never_has_an_effect(mine: Any, other: Any, never: bool) -> None:
    assert [code for code, _words in warning.of_rules(mine, [mine, other], LINES)] == (["never"] if never else [])


def test_it_says_when_what_nobody_answers_goes_round() -> None:
    then = {"ask": "heads", "within": "1h", "if_nobody": {"pass_to": "managers"}}
    assert [code for code, _w in warning.of_rules(rule("round", then), [], LINES)] == ["loop"]
    assert warning.of_rules(rule("up", {**then, "ask": "managers", "if_nobody": {"pass_to": "heads"}}), [], LINES) == []


def test_it_says_who_is_not_there() -> None:
    mine = rule("mine", {"ask": "managers", "within": "1h", "if_nobody": {"pass_to": "heads"}})
    words = warning.of_people(mine, {"managers": 1}, set())
    assert len(words) == 2 and "heads has no active member" in words[0] and "one active member" in words[1]
    assert warning.of_people(mine, {"managers": 2, "heads": 2}, set()) == []
    assert len(warning.of_people(standing(3), {}, set())) == 1 and not warning.of_people(standing(3), {}, {"may.lee"})


@pytest.mark.django_db
def test_it_says_what_people_refused_and_what_no_rule_decides() -> None:
    load()
    finished(["100", "200", "250", "400"], ["agreed", "refused", "refused", "refused"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    words = " ".join(warning.of_past(replay(standing(250))))
    assert "let 2 go without a person that people refused: C-" in words
    words = " ".join(warning.of_past(replay(rule("refund-over-300", {"ask": "heads"}, over(900)))))
    assert "In 4 past proposals no rule says who decides" in words and "refused" not in words


def test_the_preview_shows_them(page: Client) -> None:
    team = Team.objects.get(name="support-managers")
    User.objects.create_user("may.lee").groups.add(team.group)
    data = {**filled(page, address(Rule.objects.get(name="refund-over-300"))), "rule": "refund-over-300"}
    text = page.post(reverse("admin:approvals_rule_preview"), data).content.decode()
    assert "Before you publish this" in text and "Team support-managers has one active member" in text
    assert "Team heads has no active member" in text and "Where repeat-refund matches too" in text


@pytest.mark.django_db
def test_check_map_tells_them_too() -> None:
    whole = shop()
    whole["rules"] = [named(whole["rules"], "repeat-refund"), rule("never-mind", {"forbid": "No"})]
    services.load(actor=BY, text=of(whole))
    found = {(gap.code, gap.name) for gap in gaps(timezone.now())}
    assert ("never", "repeat-refund") in found and ("never", "never-mind") not in found
    assert previewing.warnings(rule("x", {"ask": "heads"}), current(), None) == []
