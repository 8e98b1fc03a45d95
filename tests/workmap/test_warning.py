"""Warnings beside a rule: who wins, what never has an effect, who is not there, and what people had refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.configuration import current
from agents.models import Proposal
from approvals.asking import EscalationLines
from approvals.models import Cover, Rule
from cases.calendars import WorkingHours
from cases.models import Case, Team
from orchestrator.workmap import services
from orchestrator.workmap.gaps import gaps
from orchestrator.workmap.ruling import advising, warning
from orchestrator.workmap.ruling.staffing import Member, Staff, staff
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_admin import address, filled
from tests.workmap.test_replaying import BY, load, page, replay, rule, standing

__all__ = ["page"]
LINES = EscalationLines({"support": "managers", "managers": "heads", "heads": None})


def member(name: str, *teams: str, active: bool = True, cover: bool = False) -> Member:
    return Member(name, name.title(), active, cover, frozenset(teams))


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
        (
            rule("mine", {"ask": "heads"}, over(500), {**over(100), "is": "less than"}),
            rule("other", {"ask": "a"}),
            True,
        ),
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
    words = warning.of_people(mine, Staff([member("may", "managers"), member("ken", "managers", active=False)]))
    assert len(words) == 4 and "heads has no active member" in words[0] and "cannot decide: Ken" in words[1]
    assert "one active member" in words[2] and "May is alone in team managers and has no cover" in words[3]
    alone = Staff([member("may", "managers", cover=True)], frozenset({"heads"}))
    assert len(warning.of_people(mine, alone)) == 1
    four = Staff([member(name, team) for name, team in zip("abcd", ["managers", "heads"] * 2, strict=True)])
    assert warning.of_people(mine, four) == []
    assert len(warning.of_people(standing(3), Staff([]))) == 1
    assert not warning.of_people(standing(3), Staff([member("may.lee", "heads")]), ["support"])


@pytest.mark.django_db
def test_who_is_there_and_covered_is_one_question(django_assert_num_queries: Any) -> None:
    load()
    may, ken, gone = (User.objects.create_user(name) for name in ("may", "ken", "gone"))
    managers, heads = (Team.objects.get(name=name) for name in ("support-managers", "heads"))
    may.groups.add(managers.group, heads.group)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    now = timezone.now()
    dates = {"starts_at": now, "ends_at": now + timedelta(days=1), "created_at": now}
    Cover.objects.create(of=may, by=ken, **dates)
    Cover.objects.create(of=ken, by=gone, **dates)
    Cover.objects.create(team=heads, by=ken, **dates)
    Cover.objects.create(team=managers, by=ken, ended_at=now, **dates)
    with django_assert_num_queries(1):
        there = staff()
    assert [(one.username, one.has_cover, one.is_active) for one in there.people] == [
        ("gone", False, False), ("ken", False, True), ("may", True, True),
    ]  # fmt: skip
    assert there.filled == {"heads"}
    assert there.people[2].teams == {"support-managers", "heads"} and there.active("heads") == [there.people[2]]


def test_it_says_who_could_be_asked_for_their_own_request() -> None:
    mine = rule("mine", {"ask": "managers"})
    both = Staff([member("a", "managers", "support"), member("b", "managers", "support")])
    (words,) = warning.of_people(mine, both, ["support"])
    assert "Everybody in team managers works on these requests too" in words
    assert warning.of_people(mine, both, ["sales"]) == []
    one = Staff([member("a", "managers", "support"), member("b", "managers")])
    assert warning.of_people(mine, one, ["support"]) == []
    (words,) = warning.of_people(standing(3), Staff([member("may.lee", "support")]), ["support"])
    assert "it is not in force" in words


def test_it_says_when_a_time_ends_at_night_or_too_late() -> None:
    office = WorkingHours({"mon-fri": "09:00-18:00"}, ZoneInfo("Asia/Hong_Kong"), "HK")
    closed = WorkingHours({}, ZoneInfo("Asia/Hong_Kong"))
    calendars, now = {"office": office, "closed": closed}, datetime(2026, 11, 25, 2, tzinfo=UTC)

    def said(then: dict[str, Any], *finish: tuple[str, str]) -> list[str]:
        return warning.of_time(rule("mine", then), calendars, finish, now)

    assert "runs on the clock" in said({"ask": "heads", "within": "8h"})[0]
    assert said({"ask": "heads", "within": "2h", "calendar": "office"}, ("8h", "office")) == []
    assert "longer than the request" in said({"ask": "a", "within": "2d", "calendar": "office"}, ("8h", "office"))[0]
    assert "no working time" in said({"ask": "a", "within": "2h", "calendar": "closed"})[0]
    nobody = {"ask": "a", "within": "1h", "calendar": "office", "if_nobody": {"pass_to": "b", "within": "3d"}}
    assert "3d is longer" in said(nobody, ("8h", "office"))[0]
    assert "4h runs on the clock" in said({"stages": [{"ask": "a", "within": "4h"}]})[0]
    assert said({"forbid": "No"}) == []


@pytest.mark.django_db
def test_it_says_what_people_refused_and_what_no_rule_decides() -> None:
    load()
    finished(["100", "200", "250", "400"], ["agreed", "refused", "refused", "refused"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    words = " ".join(warning.of_past(replay(standing(250))))
    assert "let 2 go without a person that people refused: C-" in words
    words = " ".join(warning.of_past(replay(rule("refund-over-300", {"ask": "heads"}, over(900)))))
    assert "In 4 past proposals no rule says who decides" in words and "refused" not in words


@pytest.mark.django_db
def test_it_names_the_channel_currency_and_value_that_no_rule_is_about() -> None:
    load()
    finished(["100", "200", "400", "450", "500", "600"], ["agreed"] * 6)
    Proposal.objects.update(facts={"refunds_90d": 0, "customer": {"tier": "silver"}})
    first, second, *rest = Proposal.objects.order_by("-created_at")
    Case.objects.filter(pk=first.case_id).update(channel="whatsapp")
    first.writes.update(currency="USD")
    Proposal.objects.filter(pk__in=[one.pk for one in rest]).update(
        facts={"refunds_90d": 0, "customer": {"tier": "gold"}}
    )
    gold = {"fact": "customer.tier", "is": "is", "value": "gold"}
    found = replay(rule("gold", {"ask": "heads"}, gold))
    words = " ".join(warning.of_past(found, {}))
    assert found.unruled == 2 and second.pk != first.pk
    assert "No rule is about any of these: " in words and "customer.tier silver (2)" in words
    assert "channel whatsapp (1)" in words and "currency USD (1)" in words
    assert "gold (" not in words and "channel api" not in words


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
    assert advising.warnings(rule("x", {"ask": "heads"}), current(), None, None, now=timezone.now()) == []
