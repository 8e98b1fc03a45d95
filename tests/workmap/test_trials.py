"""A rule tried on a period of the past: by the worker, in parts, with a page that says how far it is."""

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Proposal
from approvals.models import Rule
from cases.clock import database_now
from cases.models import Team
from orchestrator.workmap.models import RuleTrial
from orchestrator.workmap.ruling import past, transitions, trials
from orchestrator.workmap.ruling.past import Past
from orchestrator.workmap.tasks import try_rules
from tests.workmap.pasts import finished
from tests.workmap.test_admin import address, filled
from tests.workmap.test_replaying import BY, page, standing

__all__ = ["page"]


def begin(page: Client, **changes: Any) -> Any:
    today = date.today()
    row = Rule.objects.get(name="refund-over-300")
    data = {**filled(page, address(row)), "s_0_value": "150", "rule": row.name}
    data |= {"since": str(today - timedelta(days=60)), "until": str(today + timedelta(days=1)), **changes}
    return page.post(reverse("admin:approvals_rule_backtest"), data)


def trial_of(limit: int = 250, *, days: int = 60) -> RuleTrial:
    now = timezone.now()
    return trials.start(actor=BY, rule=standing(limit), since=now - timedelta(days=days), until=now, now=now)


def test_it_is_started_on_the_page_and_done_by_the_worker(page: Client) -> None:
    finished(["100", "200", "250", "400"], ["agreed", "refused", "changed", "agreed"])
    answer = begin(page)
    assert answer.status_code == 303
    text = page.get(answer["Location"]).content.decode()
    assert "<progress" in text and "HK$150.00" in text
    try_rules()
    text = page.get(answer["Location"]).content.decode()
    assert "3 of 4 past proposals match (HK$850.00)" in text and "<progress" not in text
    assert Rule.objects.get(name="refund-over-300").version == 1


def test_a_period_that_is_none_starts_nothing(page: Client) -> None:
    wrong = [{"since": "yesterday"}, {"since": "2030-01-02", "until": "2030-01-01"}, {"s_ask": ""}]
    for change in wrong:
        assert begin(page, **change).status_code == 422, change
    assert not RuleTrial.objects.exists()


def test_days_that_no_clock_can_hold_are_refused_in_words_and_stop_no_other_run(page: Client) -> None:
    for change in ({"since": "0001-01-01"}, {"until": "9999-12-30"}, {"since": "1999-12-31"}, {"until": "2101-01-01"}):
        answer = begin(page, **change)
        assert answer.status_code == 422 and "from 2000 to 2100" in answer.content.decode(), change
    assert not RuleTrial.objects.exists()
    assert begin(page, since="2000-01-01", until="2100-12-31").status_code == 303
    try_rules()
    assert RuleTrial.objects.get().state == "done"
    assert page.get(reverse("admin:approvals_rule_trials")).status_code == 200


def test_parts_together_are_the_whole_and_the_page_can_say_how_far(page: Client, monkeypatch: Any) -> None:
    finished(["100", "200", "250", "400", "90"], ["agreed", "refused", "changed", "agreed", "nobody"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    whole = trial_of()
    trials.work(now=database_now)
    monkeypatch.setattr(past, "CHUNK", 2)
    parts, seen = trial_of(), []
    read = past.read

    def watched(*args: Any) -> list[Past]:
        seen.append(RuleTrial.objects.get(pk=parts.pk).done)
        return read(*args)

    monkeypatch.setattr(past, "read", watched)
    trials.work(now=database_now)
    whole.refresh_from_db()
    parts.refresh_from_db()
    assert seen == [0, 2, 4] and parts.state == "done" and parts.done == 5
    assert parts.result == whole.result and whole.result["gone"] == 4


def test_caps_are_used_up_in_the_order_of_time_over_all_parts(page: Client, monkeypatch: Any) -> None:
    finished(["100"] * 9, ["agreed"] * 9)
    Proposal.objects.update(facts={"refunds_90d": 0})
    now = timezone.now()
    capped = {**standing(250)}
    capped["then"] = {"standing_approval": {**capped["then"]["standing_approval"], "total": 400}}
    monkeypatch.setattr(past, "CHUNK", 2)
    trial = trials.start(actor=BY, rule=capped, since=now - timedelta(days=60), until=now, now=now)
    trials.work(now=database_now)
    trial.refresh_from_db()
    assert (trial.result["gone"], trial.result["asked_with"], trial.result["used_up_with"]) == (4, 5, 5)
    first = sorted(Proposal.objects.values_list("created_at", "case_id"))[:4]
    assert {line["case_id"] for line in trial.result["lines"]} == {case for _at, case in first}
    User.objects.get(username="boss").groups.add(Team.objects.get(name="support").group)
    text = page.get(reverse("admin:approvals_rule_trials"), {"trial": trial.pk}).content.decode()
    assert "used up in 0, and with this rule in 5" in text and "What this cannot know" in text
    assert "Caps are counted from the first of these cases on" in text and f"C-{first[0][1]}" in text


def test_only_the_period_counts(page: Client) -> None:
    finished(["100"] * 10, ["agreed"] * 10, days=100)
    trial = trial_of(days=50)
    trials.work(now=database_now)
    trial.refresh_from_db()
    assert 3 <= trial.result["proposals"] <= 6


def test_a_run_whose_worker_died_begins_again_and_the_late_one_changes_nothing(page: Client) -> None:
    finished(["100", "200"], ["agreed", "agreed"])
    trial = trial_of()
    lost = transitions.claim(database_now())
    assert lost is not None and transitions.claim(database_now()) is None
    RuleTrial.objects.update(beat_at=timezone.now() - transitions.LOST_AFTER - timedelta(seconds=1))
    trials.work(now=database_now)
    trial.refresh_from_db()
    assert trial.state == "done" and trial.claim == 2
    assert not transitions.mine(lost).update(done=99)


def test_a_run_that_fails_says_so(page: Client, monkeypatch: Any) -> None:
    finished(["100"], ["agreed"])
    trial = trial_of()
    monkeypatch.setattr(past, "read", lambda *_: 1 / 0)
    trials.work(now=database_now)
    answer = page.get(reverse("admin:approvals_rule_trials"), {"trial": trial.pk})
    assert "The run failed" in answer.content.decode()
    for number in ("x", "9" * 5_000):
        assert page.get(reverse("admin:approvals_rule_trials"), {"trial": number}).status_code == 404
    assert str(trial.pk) in page.get(reverse("admin:approvals_rule_trials")).content.decode()


def test_it_says_the_same_words_as_the_preview(page: Client) -> None:
    finished(["100", "400"], ["refused", "agreed"])
    trial = trial_of()
    trials.work(now=database_now)
    text = page.get(reverse("admin:approvals_rule_trials"), {"trial": trial.pk}).content.decode()
    assert "refused" in text and "minutes a week" in text
