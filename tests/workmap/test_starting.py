"""A change that is published with a start time starts by itself then, by the database's clock; before, it can be called off."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.configuration import current, policy
from approvals.live_rules import live_rules
from approvals.models import Draft, Rule
from cases.actors import CONTROL, Actor, person
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, ReasonRequired
from cases.models import Case, Event, Team
from orchestrator.workmap import publishing, services, tasks
from orchestrator.workmap.errors import DraftEnded, DraftPlanned, NotPlanned, OwnLimit, SecondPerson
from tests.workmap.maps import named, of, shop, shop_text

BY = Actor("control", "test")
NAME = "refund-over-300"


def admin(name: str) -> User:
    return User.objects.create(username=name, is_staff=True, is_superuser=True)


def ready() -> Draft:
    """A running system on which `one` proposed that the rule begins at 500."""
    services.load(actor=BY, text=shop_text())
    now = timezone.now()
    Case.objects.create(source="customer", channel="api", created_at=now, updated_at=now)
    return proposed(500)


def proposed(value: int, by: str = "one") -> Draft:
    whole = shop()
    named(whole["rules"], NAME)["when"]["all"][0]["value"] = value
    user = User.objects.filter(username=by).first() or admin(by)
    services.load(actor=person(user), text=of(whole), reason="Autumn")
    return Draft.objects.get(state="open")


@pytest.fixture
def draft(db: None) -> Draft:
    return ready()


def limit() -> Any:
    return Rule.objects.get(name=NAME).when["all"][0]["value"]


def plan(draft: Draft, by: User, *, hours: float = 24) -> Draft:
    start_at = database_now() + timedelta(hours=hours)
    return services.publish_draft(actor=person(by), draft_id=draft.pk, reason="Agreed", start_at=start_at)


def due(draft: Draft) -> None:
    """As if its time had come."""
    Draft.objects.filter(pk=draft.pk).update(starts_at=database_now() - timedelta(milliseconds=1))


def told(code: str) -> dict[str, Any]:
    data: dict[str, Any] = Event.objects.get(code=code).detail.data
    return data


def test_it_starts_by_itself_at_its_time_and_raises_the_epoch(draft: Draft) -> None:
    two = admin("two")
    plan(draft, two)
    epoch = policy().epoch
    tasks.start_changes()
    assert limit() == 300 and policy().epoch == epoch
    due(draft)
    tasks.start_changes()
    assert limit() == 500 and policy().epoch > epoch
    (spec,) = [spec for spec in live_rules(current()).specs if spec.name == NAME]
    assert spec.when["all"][0]["value"] == 500 and spec.version == 2
    draft.refresh_from_db()
    assert (draft.state, draft.ended_by) == ("published", "two (two)")
    version = Rule.objects.get(name=NAME).history.first()
    assert version.history_user == two
    assert version.history_change_reason == "one (one): Autumn · two (two): Agreed"
    assert told("policy.scheduled")["reason"] == "Agreed"
    assert told("policy.published")["published_by"] == "two (two)"
    assert Event.objects.get(code="policy.published").actor == "control layer"
    tasks.start_changes()
    assert Event.objects.filter(code="policy.published").count() == 1


def test_the_clock_is_the_databases(draft: Draft) -> None:
    """A worker whose own clock is wrong starts nothing early: only what it is handed counts, and that is PostgreSQL's."""
    plan(draft, admin("two"), hours=1)
    assert publishing.start_due(actor=CONTROL, now=database_now) == 0
    assert publishing.start_due(actor=CONTROL, now=lambda: database_now() + timedelta(minutes=59)) == 0
    assert publishing.start_due(actor=CONTROL, now=lambda: database_now() + timedelta(minutes=61)) == 1


def test_it_needs_a_second_person_a_reason_and_a_time_to_come(draft: Draft) -> None:
    one, two = User.objects.get(username="one"), admin("two")
    with pytest.raises(SecondPerson):
        plan(draft, one)
    with pytest.raises(ReasonRequired):
        services.publish_draft(actor=person(two), draft_id=draft.pk, reason=" ")
    for hours in (-1, 24 * 400):
        with pytest.raises(Incorrect):
            plan(draft, two, hours=hours)
    with pytest.raises(NoRight):
        plan(draft, User.objects.create(username="clerk", is_staff=True))
    draft.refresh_from_db()
    assert draft.state == "open" and limit() == 300


def test_it_can_be_called_off_before_also_by_who_proposed_it(draft: Draft) -> None:
    two = admin("two")
    with pytest.raises(NotPlanned):
        services.call_off_draft(actor=person(two), draft_id=draft.pk)
    plan(draft, two)
    with pytest.raises(DraftPlanned):
        plan(draft, two)
    services.call_off_draft(actor=person(User.objects.get(username="one")), draft_id=draft.pk, reason="Too early")
    draft.refresh_from_db()
    assert (draft.state, draft.starts_at, draft.publisher) == ("open", None, None)
    assert told("policy.called_off")["reason"] == "Too early"
    due(draft)
    tasks.start_changes()
    assert limit() == 300
    plan(draft, two)
    services.drop_draft(actor=person(two), draft_id=draft.pk)
    due(draft)
    tasks.start_changes()
    assert limit() == 300
    with pytest.raises(DraftEnded):
        services.call_off_draft(actor=person(two), draft_id=draft.pk)


@pytest.mark.parametrize("what", ["left", "not an admin", "own limit", "gone", "changed since"])
def test_what_does_not_fit_at_its_time_waits_for_people_again(draft: Draft, what: str) -> None:
    """Everything that was checked when it was published is checked again when it starts."""
    two = admin("two")
    plan(draft, two)
    if what == "left":
        User.objects.filter(pk=two.pk).update(is_active=False)
    elif what == "not an admin":
        User.objects.filter(pk=two.pk).update(is_superuser=False)
    elif what == "own limit":
        two.groups.add(Team.objects.get(name="support-managers").group)
    elif what == "gone":
        User.objects.filter(pk=two.pk).delete()
    else:
        becomes = {**named(shop()["rules"], NAME)}
        becomes["when"] = {**becomes["when"], "all": [{"argument": "amount", "is": "more than", "value": 100}]}
        services.change_record(actor=BY, what="rule", name=NAME, becomes=becomes, reason="Stricter")
    due(draft)
    before = limit()
    tasks.start_changes()
    draft.refresh_from_db()
    assert limit() == before and draft.state == "open" and draft.problem
    assert told("policy.not_started")["reason"] == draft.problem
    assert not Event.objects.filter(code="policy.published").exists()
    with pytest.raises(SecondPerson):  # and it begins from the start: a second person, a reason
        plan(draft, User.objects.get(username="one"))


def test_a_later_draft_takes_its_place(draft: Draft) -> None:
    plan(draft, admin("two"))
    later = proposed(600, by="three")
    draft.refresh_from_db()
    assert draft.state == "dropped" and later.pk != draft.pk
    due(draft)
    tasks.start_changes()
    assert limit() == 300


def test_one_that_cannot_start_stops_none_of_the_others(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    two = admin("two")
    plan(draft, two)
    broken = Draft.objects.create(
        what="rule", name="x", becomes={}, words="x", by_label="x", reason="x", created_at=timezone.now(),
        state="scheduled", starts_at=timezone.now() - timedelta(days=1), publisher=two, publisher_label="two",
    )  # fmt: skip
    due(draft)
    tasks.start_changes()
    broken.refresh_from_db()
    assert limit() == 500 and broken.state == "scheduled"


@pytest.mark.django_db(transaction=True)
def test_two_workers_start_it_once() -> None:
    draft = ready()
    plan(draft, admin("two"))
    due(draft)
    found: list[int] = []

    def start() -> None:
        found.append(publishing.start_due(actor=CONTROL, now=database_now))
        connections.close_all()

    threads = [threading.Thread(target=start) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 0, 0, 1] and limit() == 500
    assert Rule.objects.get(name=NAME).version == 2
    assert Event.objects.filter(code="policy.published").count() == 1


@pytest.mark.parametrize("at", ["9999-12-31T23:59-14:00", "9999-12-31T23:59", "0001-01-01T00:00+14:00"])
def test_a_start_that_no_page_could_show_is_refused(draft: Draft, at: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("two", "", "a-long-test-password"))
    data = {"draft": [draft.pk], "reason": "Agreed", "starts_at": at}
    assert client.post(reverse("admin:approvals_draft_publish"), data, follow=True).status_code == 200
    draft.refresh_from_db()
    assert (draft.state, draft.starts_at) == ("open", None)


def test_the_admin_plans_it_shows_it_and_calls_it_off(draft: Draft) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("two", "", "a-long-test-password"))
    own = reverse("admin:approvals_draft_change", args=[draft.pk])
    assert "Waits for a second person" in client.get(own).content.decode()
    tomorrow = f"{timezone.localtime(database_now() + timedelta(days=1)):%Y-%m-%dT%H:%M}"
    data = {"draft": [draft.pk], "reason": "Agreed", "starts_at": tomorrow}
    answer = client.post(reverse("admin:approvals_draft_publish"), data, follow=True)
    assert "Published, starts at its time" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.state == "scheduled" and draft.starts_at is not None
    assert f"{timezone.localtime(draft.starts_at):%Y-%m-%dT%H:%M}" == tomorrow
    day = f"{datetime.fromisoformat(tomorrow):%H:%M}"
    text = client.get(own).content.decode()
    assert "Starts by itself on" in text and day in text and "<ins>HK$500.00</ins>" in text
    rule = Rule.objects.get(name=NAME)
    for page in ("change", "history"):
        text = client.get(reverse(f"admin:approvals_rule_{page}", args=[rule.pk])).content.decode()
        assert "Starts by itself on" in text and day in text and "HK$500.00" in text, page
    client.post(reverse("admin:approvals_draft_call_off", args=[draft.pk]), {"reason": "No"}, follow=True)
    draft.refresh_from_db()
    assert draft.state == "open"
    client.post(reverse("admin:approvals_draft_drop", args=[draft.pk]), follow=True)
    draft.refresh_from_db()
    assert draft.state == "dropped"


def test_an_own_limit_is_refused_when_it_is_planned_too(draft: Draft) -> None:
    two = admin("two")
    two.groups.add(Team.objects.get(name="support-managers").group)
    with pytest.raises(OwnLimit):
        plan(draft, two)
