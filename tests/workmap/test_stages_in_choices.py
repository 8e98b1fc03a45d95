"""Stages of a rule on its admin page: who is asked, how many, how long, who next; without code and without a script."""

from typing import Any

import pytest
from django.test import Client

from approvals.models import Rule
from orchestrator.workmap.ruling import choosing
from tests.workmap.test_admin import address, errors, filled, send
from tests.workmap.test_ruling import KINDS, chosen, page

assert page  # the fixture

STAGES = [
    {
        "ask": "support-managers",
        "within": "2h",
        "calendar": "office",
        "if_nobody": {"pass_to": "heads", "within": "4h"},
    },
    {"ask": "heads", "people": 2},
]


def staged(**more: Any) -> Rule:
    """A rule of the shop that asks in stages, in force as if it had been published."""
    rule = Rule.objects.get(name="refund-over-300")
    rule.then = {"stages": STAGES, **more}
    rule.save()
    return rule


def test_the_page_shows_each_stage_as_labelled_choices(page: Client) -> None:
    rule = staged(order="at_once", exclusive=False)
    form = chosen(page.get(address(rule)))
    values = {name: form[name].value() for name in form.fields if name.startswith("s_stage") or name in LABELS}
    assert values | {"s_stage_1_calendar": ""} == {
        "s_stages": "2", "s_order": "at_once", "s_exclusive": "no", "s_effect": "stages",
        "s_stage_0_ask": "support-managers", "s_stage_0_people": "", "s_stage_0_within": "2",
        "s_stage_0_within_unit": "h", "s_stage_0_calendar": "office", "s_stage_0_pass_to": "heads",
        "s_stage_0_pass_within": "4", "s_stage_0_pass_within_unit": "h",
        "s_stage_1_ask": "heads", "s_stage_1_people": "2", "s_stage_1_within": "", "s_stage_1_within_unit": "h",
        "s_stage_1_calendar": "", "s_stage_1_pass_to": "", "s_stage_1_pass_within": "",
        "s_stage_1_pass_within_unit": "h",
    }  # fmt: skip
    assert all(form[name].label for name in values if name != "s_stages")


LABELS = ("s_order", "s_exclusive", "s_effect")


def test_a_changed_stage_changes_the_rule_and_nothing_else(page: Client) -> None:
    rule = staged(together={"total": 1000}, if_unknown={"ask": "heads"})
    answer = send(page, rule, s_stage_1_people="3")
    assert answer.redirect_chain, errors(answer)
    rule.refresh_from_db()
    assert rule.then["stages"] == [STAGES[0], {"ask": "heads", "people": 3}]
    assert (rule.then["together"], rule.then["if_unknown"]) == ({"total": 1000}, {"ask": "heads"})


def test_a_stage_is_added_without_a_script_and_nothing_is_saved(page: Client) -> None:
    rule = staged()
    answer = page.post(address(rule), {**filled(page, address(rule)), "_add_stage": "1", "s_stage_1_people": "3"})
    form = chosen(answer)
    assert answer.status_code == 200 and not answer.context["errors"]
    assert form["s_stages"].value() == "3" and form["s_stage_1_people"].value() == "3"
    assert b'name="s_stage_2_ask"' in answer.content
    rule.refresh_from_db()
    assert rule.then == {"stages": STAGES}
    assert send(page, rule, s_stages="3", s_stage_2_ask="support").redirect_chain
    rule.refresh_from_db()
    assert [one["ask"] for one in rule.then["stages"]] == ["support-managers", "heads", "support"]


def test_a_stage_without_a_team_is_left_out_and_one_with_half_of_it_is_refused(page: Client) -> None:
    rule = staged()
    answer = send(page, rule, s_stage_1_ask="")
    assert not answer.redirect_chain and "s_stage_1_ask" in chosen(answer).errors
    send(page, rule, s_stage_1_ask="", s_stage_1_people="")
    rule.refresh_from_db()
    assert rule.then == {"stages": STAGES[:1]}


def test_a_rule_that_asks_one_team_becomes_one_with_stages(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    answer = send(page, rule, s_effect="stages")
    assert not answer.redirect_chain and "s_effect" in chosen(answer).errors
    answer = send(
        page, rule, s_effect="stages", s_stages="2", s_stage_0_ask="support-managers", s_stage_1_ask="heads",
        s_exclusive="",
    )  # fmt: skip
    assert answer.redirect_chain, errors(answer)
    rule.refresh_from_db()
    assert rule.then == {"stages": [{"ask": "support-managers"}, {"ask": "heads"}]}
    assert "then ask" in rule.sentence["en"]


def test_what_is_said_twice_over_is_said_once_and_means_the_same(page: Client) -> None:
    then = {"stages": STAGES, "order": "one_after_the_other", "exclusive": True}
    found = choosing.read({}, then, KINDS)
    assert found is not None and choosing.write(found, KINDS)["then"] == {"stages": STAGES}


def test_a_limit_of_what_is_decided_together_is_kept_and_can_be_set(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    rule.then |= {"together": {"total": 1000}}
    rule.save()
    assert send(page, rule, s_0_value="250").redirect_chain
    rule.refresh_from_db()
    assert rule.when["all"][0]["value"] == 250 and rule.then["together"] == {"total": 1000}
    assert "at most HK$1,000.00 in total" in rule.sentence["en"]
    send(page, rule, s_together="900.50")
    rule.refresh_from_db()
    assert rule.then["together"] == {"total": 900.5}
    assert "s_together" in chosen(send(page, rule, s_together="lots")).errors


@pytest.mark.parametrize(
    ("when", "then"),
    [
        ({"all": [{"any": [{"argument": "amount", "is": "more than", "value": 9}]}]}, {"ask": "heads"}),
        ({"all": [{"not": {"fact": "order_total", "is": "known"}}]}, {"stages": STAGES, "exclusive": False}),
        ({}, {"stages": [{"ask": "heads"}], "within": "2h", "together": {"total": 1000}}),
        ({}, {"stages": [{"ask": "heads", "if_nobody": {"pass_to": "support", "calendar": "office"}, "within": "1h"}]}),
        ({}, {"stages": [{"ask": "heads"}] * 13}),
        ({}, {"ask": "heads", "if_unknown": {"ask": "heads", "people": 2}}),
    ],
)
def test_what_choices_cannot_draw_keeps_its_meaning_when_the_page_is_saved(page: Client, when: Any, then: Any) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    rule.when, rule.then = {"operations": ["payments.refund"], **when}, then
    rule.save()
    before = (rule.when, rule.then)
    form = chosen(page.get(address(rule)))
    assert form["edit_as"].value() == "data"
    assert send(page, rule, title_0="Another title").redirect_chain
    rule.refresh_from_db()
    assert (rule.when, rule.then) == before and rule.title == "Another title"
