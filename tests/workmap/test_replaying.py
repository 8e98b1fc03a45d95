"""What a rule would have done: judged again on what was stored, with what people really decided."""

import time
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents.configuration import current
from agents.models import Proposal, Write
from approvals.live_rules import live_rules
from approvals.models import Approval, Rule, StandingApproval
from cases.actors import Actor
from cases.models import Case, RequestType, Team
from orchestrator.workmap import services
from orchestrator.workmap.ruling import past, previewing, trying
from orchestrator.workmap.ruling.replaying import Replay, spec_of
from orchestrator.workmap.ruling.results import Result
from orchestrator.workmap.ruling.staffing import staff
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_admin import address, filled

BY = Actor("control", "test")
OVER = {"argument": "amount", "is": "more than", "value": 300}
SMALL = {"standing_approval": {"by": "may.lee", "up_to": 1000, "until": "2030-01-31"}}


def load() -> None:
    """A shop with one rule over 300, one for repeats, and a lead; nothing else."""
    whole = shop()
    whole["rules"] = [named(whole["rules"], "refund-over-300"), named(whole["rules"], "repeat-refund")]
    services.load(actor=BY, text=of(whole))


@pytest.fixture
def page(db: None) -> Client:
    load()
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "a-long-test-password"))
    return client


def rule(name: str, then: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "when": {"operations": ["payments.refund"], "all": list(conditions)}, "then": then}


def replay(changed: dict[str, Any]) -> Result:
    found = previewing.preview(changed, current(), now=timezone.now(), only_changed=True)
    assert found is not None
    return found


def confirmed(by: User) -> None:
    StandingApproval.objects.update(confirmed_at=timezone.now(), rule_version=1, confirmed_by=by)


def standing(limit: int) -> dict[str, Any]:
    return rule("small", {"standing_approval": {"by": "may.lee", "up_to": limit, "until": "2030-01-31"}},
                {"argument": "amount", "is": "at most", "value": limit})  # fmt: skip


@pytest.mark.django_db
def test_it_counts_what_is_no_longer_asked_and_what_people_had_said() -> None:
    load()
    finished(["100", "200", "250", "400"], ["agreed", "refused", "changed", "agreed"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    found = replay(standing(250))
    assert (found.proposals, found.matched, found.asked_now, found.asked_with, found.asked_then) == (4, 3, 4, 1, 4)
    assert (found.new, found.gone) == (0, 3)
    assert dict(found.gone_answers) == {"agreed": 1, "refused": 1, "changed": 1}
    assert found.money == 550 and [line.money for line in found.refused_lines] == [200]


@pytest.mark.django_db
def test_it_counts_what_is_newly_asked() -> None:
    whole = shop()
    whole["rules"] = [standing(1000)]
    services.load(actor=BY, text=of(whole))
    confirmed(User.objects.create(username="may.lee"))
    finished(["100", "600", "700"], ["nobody", "nobody", "nobody"])
    found = replay(rule("over-500", {"ask": "heads"}, {"argument": "amount", "is": "more than", "value": 500}))
    assert (found.asked_now, found.asked_with, found.new, found.asked_then) == (0, 2, 2, 0)
    assert found.teams_with == {"heads": 2} and found.new_answers == {"nobody": 2}


@pytest.mark.django_db
def test_it_says_what_it_cannot_know_and_counts_it() -> None:
    load()
    finished(["100", "400"], ["agreed", "agreed"], known=False)
    found = replay(rule("repeat-refund", {"ask": "heads"}, {"fact": "refunds_90d", "is": "at least", "value": 2}))
    assert found.cannot_know == 2 and found.lacking == {"refunds_90d": 2} and found.matched == 0
    assert "refunds_90d (2)" in " ".join(previewing.unknown(found))


@pytest.mark.django_db
def test_what_was_unknown_then_is_known_to_have_been_unknown() -> None:
    load()
    finished(["400"], ["agreed"])
    Proposal.objects.update(facts={"refunds_90d": None})
    found = replay(rule("repeat-refund", {"ask": "heads"}, {"fact": "refunds_90d", "is": "at least", "value": 2}))
    assert found.cannot_know == 0 and found.asked_with == 1


@pytest.mark.django_db
def test_the_short_way_gives_what_judging_everything_gives() -> None:
    """A verdict is judged a second time only where the rule bears; the sums are those of judging each twice."""
    load()
    finished([str(n * 37) for n in range(1, 60)], ["agreed", "refused", "changed"] * 19 + ["agreed", "nobody"])
    config, live = current(), live_rules(current())
    changed = spec_of(rule("refund-over-300", {"ask": "heads"}, {**OVER, "value": 900}))
    short = Replay(config, live, name="refund-over-300", changed=changed, today=date.today())
    pasts = past.read(past.last_finished(list(config.types), 200), config)
    short.add(pasts)
    whole = Replay(config, live, name="refund-over-300", changed=changed, today=date.today())
    whole._own = lambda one: (short_own(one)[0], True, set())  # type: ignore[method-assign]
    short_own = short._own
    whole.add(pasts)
    ours, theirs = short.result.as_json(), whole.result.as_json()
    assert ours == theirs and ours["proposals"] == 59 and short.result.lines


def test_the_preview_asks_six_questions_at_any_number_of_cases(page: Client) -> None:
    data = {**filled(page, address(Rule.objects.get(name="refund-over-300"))), "s_0_value": "150"}
    counted = []
    for n in (10, 200):
        finished(["200"] * n, ["agreed"] * n)
        page.post(reverse("admin:approvals_rule_preview"), data)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            begun = time.perf_counter()
            answer = page.post(reverse("admin:approvals_rule_preview"), data)
            seconds = time.perf_counter() - begun
        counted.append(len(queries))
        assert answer.status_code == 200 and "match" in answer.content.decode()
    # Who it is (2) and the frame of the page (2) have ceilings of their own.
    assert counted[0] == counted[1] and counted[0] - 4 <= 6, "\n".join(q["sql"][:110] for q in queries)
    assert seconds < 1


def test_the_preview_button_works_without_a_script_and_saves_nothing(page: Client) -> None:
    finished(["200", "400"], ["refused", "agreed"])
    row = Rule.objects.get(name="refund-over-300")
    data = {**filled(page, address(row)), "s_0_value": "150", "_preview": "1"}
    text = page.post(address(row), data).content.decode()
    assert "HK$150.00" in text and "2 of 2 past proposals match (HK$600.00)" in text
    row.refresh_from_db()
    assert row.version == 1


def test_the_preview_is_for_who_may_change_rules(page: Client) -> None:
    client = Client()
    client.force_login(User.objects.create_user("looker", is_staff=True))
    assert client.post(reverse("admin:approvals_rule_preview"), {}).status_code == 403
    assert page.get(reverse("admin:approvals_rule_preview")).status_code == 405


# ---------------------------------------------------------------------- caps in the order of time


def capped(**caps: Any) -> dict[str, Any]:
    made = standing(1000)
    made["then"] = {"standing_approval": {**made["then"]["standing_approval"], **caps}}
    return made


def on_days(days: list[int], amounts: list[str]) -> None:
    """Refunds that people agreed to, so many days ago each."""
    finished(amounts, ["agreed"] * len(amounts))
    now = timezone.now()
    for n, (proposal, ago) in enumerate(zip(Proposal.objects.order_by("case_id"), days, strict=True)):
        at = now - timedelta(days=ago) + timedelta(milliseconds=n)
        Proposal.objects.filter(pk=proposal.pk).update(created_at=at, facts={"refunds_90d": 0})


def automatic(changed: dict[str, Any]) -> list[int]:
    """The cases that would go without a person, the oldest first."""
    found = replay(changed)
    assert found.gone == len(found.lines)
    return [line.case_id - 1001 for line in found.lines]


@pytest.mark.django_db
def test_the_caps_of_a_standing_approval_are_used_up_day_by_day() -> None:
    load()
    on_days([3, 3, 3, 2, 2, 1], ["100", "100", "100", "250", "100", "100"])
    assert automatic(capped()) == [0, 1, 2, 3, 4, 5]
    assert automatic(capped(per_day=2)) == [0, 1, 3, 4, 5]
    assert automatic(capped(per_day=1)) == [0, 3, 5]
    assert automatic(capped(total_per_day=300)) == [0, 1, 2, 3, 5]  # on the fifth 350 would be
    assert automatic(capped(total=450)) == [0, 1, 2, 4]  # 250 no longer fits, 100 does
    assert automatic(capped(per_day=2, total=200)) == [0, 1]
    assert automatic(capped(up_to=100)) == [0, 1, 2, 4, 5]
    assert automatic(capped(until="2020-01-01")) == []


@pytest.mark.django_db
def test_the_caps_of_todays_rules_count_too_and_each_course_has_its_own_places() -> None:
    """One a day is in force; with three a day two more go by themselves, and none is used up by the other course."""
    whole = shop()
    whole["rules"] = [capped(per_day=1)]
    services.load(actor=BY, text=of(whole))
    confirmed(User.objects.create(username="may.lee"))
    on_days([2, 2, 2, 2, 1], ["100"] * 5)
    found = replay(capped(per_day=3))
    assert (found.asked_now, found.asked_with, found.gone) == (3, 1, 2)
    assert (found.used_up_now, found.used_up_with) == (3, 1)
    found = replay(rule("never-mind", {"forbid": "No"}, {"argument": "amount", "is": "more than", "value": 900}))
    assert (found.asked_now, found.asked_with) == (3, 3)


@pytest.mark.django_db
def test_two_writes_of_one_option_take_two_places() -> None:
    whole = shop()
    whole["rules"] = []
    services.load(actor=BY, text=of(whole))
    on_days([1, 1], ["100", "100"])
    first = Write.objects.order_by("case_id")[0]
    first.pk, first.name, first.position, first.subject = uuid.uuid4(), "payments.refund#2", 1, "second"
    first.save(force_insert=True)
    assert automatic(capped(per_day=3)) == [0, 1]
    assert automatic(capped(per_day=2)) == [0]
    assert automatic(capped(per_day=1)) == [1]
    assert automatic(capped(total_per_day=150)) == [1]


@pytest.mark.django_db
def test_nobody_pre_approves_their_own_in_a_replay_either() -> None:
    whole = shop()
    whole["rules"] = [capped()]
    services.load(actor=BY, text=of(whole))
    may = User.objects.create(username="may.lee")
    confirmed(may)
    on_days([1, 1], ["100", "100"])
    Proposal.objects.filter(case_id=1001).update(proposer_user_id=may.pk)
    found = replay(capped(per_day=5))
    assert (found.asked_now, found.asked_with) == (1, 1)


# ---------------------------------------------------------------------- several options


@pytest.mark.django_db
def test_what_was_suggested_counts_and_not_what_people_chose() -> None:
    load()
    finished(["480"], ["partial"], partial="240")
    Proposal.objects.update(facts={"refunds_90d": 0})
    found = replay(standing(300))
    assert (found.asked_now, found.asked_with, found.gone, found.money) == (1, 1, 0, 480)
    Proposal.objects.update(suggested="partial", decided="full")
    found = replay(standing(300))
    assert (found.asked_now, found.asked_with, found.gone, found.money_gone) == (1, 0, 1, 240)
    assert found.gone_answers == {"changed": 1}
    Proposal.objects.update(suggested="")
    assert replay(standing(1000)).gone == 0


@pytest.mark.django_db
def test_caps_are_used_up_by_what_is_suggested_alone() -> None:
    load()
    finished(["200"] * 3, ["agreed"] * 3, partial="100", suggested="partial", days=0)
    Proposal.objects.update(facts={"refunds_90d": 0})
    found = replay(capped(total_per_day=250))
    assert (found.gone, found.money_gone, found.used_up_with) == (2, 200, 1)


@pytest.mark.django_db
def test_the_strictest_option_that_may_be_chosen_decides_who_is_asked() -> None:
    load()
    finished(["480"], ["agreed"], partial="240", suggested="partial")
    Proposal.objects.update(facts={"refunds_90d": 0})
    found = replay(rule("big", {"ask": "heads", "people": 2}, {**OVER, "value": 400}))
    assert (found.matched, found.teams_now, found.teams_with) == (1, {"support-managers": 1}, {"heads": 1})
    found = replay(rule("never", {"forbid": "No"}, {**OVER, "value": 400}))
    assert (found.forbidden_with, found.teams_with, found.unruled) == (0, {"support-managers": 1}, 1)
    found = replay(rule("never", {"forbid": "No"}, {**OVER, "value": 200}))
    assert (found.forbidden_with, found.asked_with) == (1, 0)


# ---------------------------------------------------------------------- what the page says


def test_it_shows_what_matches_or_only_what_changes(page: Client) -> None:
    finished(["200", "400"], ["refused", "agreed"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    User.objects.get(username="boss").groups.add(Team.objects.get(name="support").group)
    data = {**filled(page, address(Rule.objects.get(name="refund-over-300"))), "s_ask": "heads"}
    data["rule"] = "refund-over-300"
    where = reverse("admin:approvals_rule_preview")
    text = page.post(where, {**data, "s_ask": "support-managers"}).content.decode()
    assert "match or would go another way" in text and "C-1002" in text and "C-1001" not in text
    text = page.post(where, {**data, "s_ask": "support-managers", "only_changed": "1"}).content.decode()
    assert "C-1002" not in text
    text = page.post(where, {**data, "only_changed": "1"}).content.decode()
    assert "Those that would go another way" in text and "C-1002" in text


def test_it_says_the_load_of_each_person_and_the_minutes(page: Client) -> None:
    heads = Team.objects.get(name="heads").group
    for name in ("a", "b"):
        User.objects.create(username=name).groups.add(heads)
    finished(["200"] * 8, ["agreed"] * 8, days=14)
    Proposal.objects.update(facts={"refunds_90d": 0}, risk="high")
    found = replay(rule("x", {"ask": "heads", "people": 2}))
    loads = {load.team: load for load in previewing.teams(found, current(), staff())}
    a_week = 8 / found.weeks
    head = loads["Heads of department"]
    assert (head.people, head.now, head.with_it) == (2, "0.0", f"{a_week:.1f}")
    assert head.each_with == f"{a_week / 2:.1f}" and head.minutes_with == f"{a_week * 2 * 90 / 60:.1f}"
    lead = next(load for name, load in loads.items() if name != "Heads of department")
    assert lead.with_it == "0.0" and lead.each_now == "–"


@pytest.mark.django_db
def test_it_says_how_much_money_goes_another_way() -> None:
    result = Result(proposals=3, new=1, gone=2, money_new=Decimal(10), money_gone=Decimal("20.50"))
    text = " ".join(previewing.words(result, current()))
    assert "New: 1 (HK$10.00)" in text and "No longer asked: 2 (HK$20.50)" in text


def test_the_rule_is_tried_on_one_case_in_words(page: Client) -> None:
    """`would ask May Lee because …`, only for a case that one may see."""
    finished(["200", "400"], ["refused", "agreed"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    boss, heads = User.objects.get(username="boss"), Team.objects.get(name="heads")
    User.objects.create(username="may.lee", first_name="May", last_name="Lee").groups.add(heads.group)
    data = {**filled(page, address(Rule.objects.get(name="refund-over-300"))), "s_ask": "heads", "s_0_value": "150"}
    data |= {"rule": "refund-over-300", "case": "C-1001"}
    where = reverse("admin:approvals_rule_preview")
    assert "There is no case C-1001 that you may see" in page.post(where, data).content.decode()
    boss.groups.add(Team.objects.get(name="support-managers").group)
    text = page.post(where, data).content.decode()
    assert "Refund a payment HK$200.00" in text and "would ask Heads of department (May Lee)." in text
    assert "Because:" in text and "HK$150.00" in text and "amount: HK$200.00 &gt; HK$150.00 (HK$50.00 over)" in text
    assert "Without this change it would ask Support managers (Boss" in text or "Without this change it would" in text
    assert "Nothing was proposed" in page.post(where, {**data, "case": f"c-{empty()}"}).content.decode()
    assert "no case" in page.post(where, {**data, "case": "9' OR 1=1"}).content.decode()


def in_one_case(amounts: list[str]) -> None:
    """Refunds of one case, one after the other on one day."""
    finished(amounts, ["agreed"] * len(amounts))
    at = timezone.now().replace(hour=4, minute=0)
    for n, proposal in enumerate(Proposal.objects.order_by("case_id")):
        Proposal.objects.filter(pk=proposal.pk).update(
            case=1001, turn=n, created_at=at + timedelta(minutes=n), facts={"refunds_90d": 0}
        )


def tried(changed: dict[str, Any]) -> list[trying.Tried]:
    """What the rule would do in that case, the newest first."""
    boss = User.objects.get(username="boss")
    boss.groups.add(Team.objects.get(name="support-managers").group)
    wrong, found = trying.on_case(changed, "1001", current(), staff(), user=boss, now=timezone.now())
    assert not wrong
    return found


def test_each_proposal_of_a_case_has_its_own_numbers_as_its_reason(page: Client) -> None:
    in_one_case(["400", "700"])
    second, first = tried(rule("refund-over-300", {"ask": "heads"}, OVER))
    assert "HK$400.00 > HK$300.00 (HK$100.00 over)" in first.because[0]
    assert "HK$700.00 > HK$300.00 (HK$400.00 over)" in second.because[0]


def test_a_case_uses_up_caps_in_the_order_of_time_and_shows_the_newest_first(page: Client) -> None:
    in_one_case(["100", "150"])
    second, first = tried(capped(per_day=1))
    assert "HK$100.00" in first.what and "approved beforehand" in first.with_it
    assert "HK$150.00" in second.what and "would ask" in second.with_it


def test_what_a_case_no_longer_shows_used_up_caps_too(page: Client) -> None:
    in_one_case(["100", "150", *["160"] * trying.MOST])
    found = tried(capped(per_day=2))
    assert [one.what for one in found] == ["Refund a payment HK$160.00"] * trying.MOST
    assert all("would ask" in one.with_it for one in found)


def empty() -> int:
    now = timezone.now()
    type_ = RequestType.objects.get(name="refund")
    return Case.objects.create(pk=9_000, source="staff", channel="staff", created_at=now, updated_at=now, type=type_).pk


def test_the_page_says_how_many_approvals_keep_their_version(page: Client) -> None:
    finished(["400", "500", "600"], ["agreed"] * 3)
    rule_ = Rule.objects.get(name="refund-over-300")
    assert "keep the version" not in page.get(address(rule_)).content.decode()
    Approval.objects.update(state="waiting")
    mine = [{"name": "refund-over-300", "version": 1, "won": True}]
    Proposal.objects.filter(case_id__in=(1001, 1002)).update(rules=mine)
    Proposal.objects.filter(case_id=1003).update(rules=[{**mine[0], "won": False}])
    assert "2 approvals wait and keep the version they show" in page.get(address(rule_)).content.decode()
