"""The admin: records are edited with a reason through the map's own service, what runs is only looked at."""

# one case a row, one record a line

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, FactSource, FallbackCard, Grant, Operation, StepWork
from approvals.models import Draft, Rule, StandingApproval
from cases.actors import Actor
from cases.models import Case, Company, Event, Fact, RequestType, Step, Team, Template
from orchestrator.workmap import live, services
from orchestrator.workmap.admin.base import RecordAdmin
from orchestrator.workmap.admin.fields import LinesField, TitleField
from tests.workmap.maps import named, of, shop, shop_text

BY = Actor("control", "test")


@pytest.fixture
def boss(db: None) -> User:
    services.load(actor=BY, text=shop_text())
    return User.objects.create_superuser("boss", "boss@example.com", "a-long-test-password")


@pytest.fixture
def page(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def running() -> Case:
    now = timezone.now()
    return Case.objects.create(
        source="customer", channel="api", created_at=now, updated_at=now, type=RequestType.objects.get(name="refund")
    )


def address(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def filled(page: Client, url: str) -> dict[str, Any]:
    """What the form at `url` holds, as a browser would send it back."""
    form = page.get(url).context["adminform"].form
    data: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if isinstance(form.fields[name], TitleField):
            said = form[name].field.widget.decompress(value)
            data |= {f"{name}_{place}": part for place, part in enumerate(said)}
            continue
        if value is None or value is False:
            continue
        many = not isinstance(value, str) and hasattr(value, "__iter__")
        data[name] = "on" if value is True else [str(getattr(v, "pk", v)) for v in value] if many else value
    return data


def send(page: Client, row: Any, **changes: Any) -> Any:
    url = address(row)
    data = {**filled(page, url), "change_reason": "Because", **changes}
    return page.post(url, {name: value for name, value in data.items() if value is not None}, follow=True)


def errors(answer: Any) -> str:
    return str(answer.context["errors"]) if answer.context and "errors" in answer.context else ""


EDITED = [
    Company,
    Team,
    RequestType,
    Template,
    Fact,
    Step,
    FactSource,
    StepWork,
    FallbackCard,
    Operation,
    Agent,
    Grant,
    Rule,
]


@pytest.mark.parametrize("model", EDITED)
def test_saving_a_form_without_a_change_changes_nothing(page: Client, model: Any) -> None:
    before, events = live.read().records, Event.objects.count()
    for row in list(model.objects.all())[:6]:
        answer = send(page, row)
        assert answer.redirect_chain, (row, errors(answer))
    assert live.read().records == before
    assert Event.objects.count() == events
    assert model.history.count() == model.objects.count()


def test_a_change_needs_a_reason(page: Client) -> None:
    row = Template.objects.get(name="ask_number")
    answer = send(page, row, en="Which order is it?", change_reason="")
    assert not answer.redirect_chain and "change_reason" in answer.context["adminform"].form.errors
    assert Template.objects.get(pk=row.pk).texts["en"] == "Which order?"


def test_a_change_is_in_the_history_with_who_and_why(page: Client, boss: User) -> None:
    row = Template.objects.get(name="ask_number")
    send(page, row, en="Which order is it?")
    row.refresh_from_db()
    newest = row.history.first()
    assert (row.texts["en"], row.version) == ("Which order is it?", 2)
    assert (newest.history_user, newest.history_change_reason) == (boss, "Because")
    assert Event.objects.filter(code="policy.changed").count() == 1
    history = page.get(reverse("admin:cases_template_history", args=[row.pk]))
    assert "Because" in history.content.decode()


def test_a_type_comes_back_with_all_that_belonged_to_it(page: Client) -> None:
    whole = shop()
    refund = {**named(whole["request_types"], "refund"), "name": "repair", "routes": []}
    services.load(actor=BY, text=of({**whole, "request_types": [*whole["request_types"], refund]}))
    running()
    row = RequestType.objects.get(name="repair")
    was = live.read().records["request_type", "repair"]
    send(page, row, retired="on")
    row.refresh_from_db()
    assert row.retired
    send(page, row, retired=None)
    assert live.read().records["request_type", "repair"] == was and not Draft.objects.exists()


def test_the_admin_checks_with_the_same_check_as_the_map(page: Client) -> None:
    row = Rule.objects.get(name="refund-over-300")
    answer = send(page, row, then=json.dumps({"ask": "heds"}))
    assert "did you mean `heads`?" in errors(answer)
    answer = send(page, row, then=json.dumps({"ask": "heads", "peple": 2}))
    assert "`peple` is not a key of what a rule does; did you mean `people`?" in errors(answer)
    fact = Fact.objects.get(name="order_total")
    answer = send(page, fact, sources='[{"formula": "ordr.total"}]')
    assert "ordr" in errors(answer)
    assert Rule.objects.get(pk=row.pk).version == 1


def test_a_record_that_is_needed_cannot_be_retired(page: Client) -> None:
    answer = send(page, Team.objects.get(name="heads"), retired="on")
    assert "names team `heads`, which does not exist" in errors(answer)
    assert not Team.objects.get(name="heads").retired


def test_a_text_has_one_input_a_language(page: Client) -> None:
    row = Fact.objects.get(name="order_total")
    send(page, row, title_0="Total", title_1="總額")
    assert Fact.objects.get(pk=row.pk).title == {"en": "Total", "zh-hant": "總額"}
    send(page, row, title_0="Total", title_1="")
    assert Fact.objects.get(pk=row.pk).title == "Total"


@pytest.mark.parametrize("stored", ["One", {"en": "One"}, {"en": "One", "zh-hant": "一"}, {"zh-hant": "一"}, "", {}])
def test_a_text_that_nobody_changed_keeps_its_shape(stored: Any) -> None:
    field = TitleField()
    assert field.clean(field.widget.decompress(stored)) == stored


def test_lists_of_texts_are_written_one_a_line(page: Client) -> None:
    row = RequestType.objects.get(name="refund")
    send(page, row, phrases="money back\n\n refund please ")
    assert RequestType.objects.get(pk=row.pk).phrases == ["money back", "refund please"]
    with pytest.raises(ValidationError, match="nested deeper"):
        LinesField().to_python("[" * 900 + "]" * 900)
    assert LinesField().to_python(LinesField().prepare_value(["two\nlines", "one"])) == ["two\nlines", "one"]


def test_what_loosens_becomes_a_draft_and_a_second_person_publishes_it(page: Client) -> None:
    running()
    row = Rule.objects.get(name="refund-over-300")
    when = {**row.when, "all": [{"argument": "amount", "is": "more than", "value": 900}]}
    answer = send(page, row, when=json.dumps(when))
    assert "A second person must publish this" in answer.content.decode()
    assert "was changed successfully" not in answer.content.decode()
    assert answer.request["PATH_INFO"] == reverse("admin:approvals_draft_changelist")
    assert Rule.objects.get(pk=row.pk).when == row.when
    draft = Draft.objects.get()
    asked = page.post(
        reverse("admin:approvals_draft_changelist"), {"action": "publish", "_selected_action": [draft.pk]}
    )
    assert "Why it is published" in asked.content.decode() and draft.words in asked.content.decode()
    publish, data = reverse("admin:approvals_draft_publish"), {"draft": [draft.pk], "reason": "Agreed"}
    own = page.post(publish, data, follow=True)
    assert "somebody else must publish it" in own.content.decode()
    second = Client()
    second.force_login(User.objects.create_superuser("two", "", "a-long-test-password"))
    assert second.post(publish, {**data, "reason": " "}).status_code == 422
    assert second.post(publish, {**data, "draft": ["9" * 5_000, "9" * 19, draft.pk]}).status_code == 422
    assert Rule.objects.get(pk=row.pk).when == row.when
    second.post(publish, data, follow=True)
    assert Rule.objects.get(pk=row.pk).when == when
    assert "HK$900.00" in Rule.objects.get(pk=row.pk).sentence["en"]


def test_what_tightens_is_in_force_at_once(page: Client) -> None:
    running()
    send(page, Operation.objects.get(name="payments.refund"), hold_seconds="120")
    assert Operation.objects.get(name="payments.refund").hold_seconds == 120
    assert not Draft.objects.exists()


def test_a_form_that_changes_nothing_does_not_say_that_it_did(page: Client) -> None:
    answer = send(page, RequestType.objects.get(name="refund"))
    assert "Nothing changed." in answer.content.decode()
    assert "was changed successfully" not in answer.content.decode()


def test_a_new_grant_is_added_or_waits(page: Client) -> None:
    url = reverse("admin:agents_grant_add")
    agent, operation = Agent.objects.get(name="support"), Operation.objects.get(name="crm.get")
    data = {"agent": agent.pk, "operation": operation.pk, "until": "2027-01-01", "reason": "x", "change_reason": "y"}
    before = Grant.objects.count()
    assert page.post(url, data, follow=True).redirect_chain
    assert Grant.objects.count() == before + 1
    running()
    answer = page.post(url, {**data, "until": "2027-06-01"}, follow=True)
    assert "A second person must publish this" in answer.content.decode()
    assert Grant.objects.count() == before + 1 and Draft.objects.count() == 1


def test_parts_of_a_type_are_edited_one_by_one(page: Client) -> None:
    send(page, Fact.objects.get(name="order_total"), title_0="Total", position="0")
    assert Fact.objects.get(name="order_total").position == 0
    assert Fact.objects.get(name="customer").position == 1
    source = FactSource.objects.get(fact__name="links")
    send(page, source, settings=json.dumps({"match": "www[^ ]+", "in": "{argument.text}"}))
    assert FactSource.objects.get(pk=source.pk).settings["match"] == "www[^ ]+"
    send(page, Step.objects.get(name="check"), does_0="Look twice")
    assert Step.objects.get(name="check").does == "Look twice"
    send(page, FallbackCard.objects.get(), lines=json.dumps([{"title": "Ring them"}]))
    assert FallbackCard.objects.get().steps.get().title == "Ring them"
    assert FallbackCard.objects.get().version == 2
    work = StepWork.objects.get(step__name="reply")
    send(page, work, procedure=json.dumps([{"draft": "refund_full"}]))
    assert StepWork.objects.get(pk=work.pk).procedure == [{"draft": "refund_full"}]


def test_the_recipe_reads_as_numbered_sentences(page: Client) -> None:
    html = page.get(address(StepWork.objects.get(step__name="work_out"))).content.decode()
    assert "<ol>" in html and "Read “shop.get_order” with number = {order_number}, and call it found." in html
    page.cookies["django_language"] = "zh-hant"
    assert page.get(address(Rule.objects.get(name="refund-over-300"))).status_code == 200


def test_members_of_a_team_are_set_on_its_page(page: Client) -> None:
    one = User.objects.create(username="one")
    send(page, Team.objects.get(name="heads"), members=[str(one.pk)], leads=[str(one.pk)])
    team = Team.objects.get(name="heads")
    assert list(team.group.user_set.all()) == [one] and list(team.leads.all()) == [one]
    assert Event.objects.filter(code="people.changed").count() == 1


def test_a_standing_approval_cannot_be_confirmed_here(page: Client) -> None:
    row = StandingApproval.objects.get()
    url = address(row)
    assert page.get(url).status_code == 200
    assert page.post(url, {"confirmed_at_0": "2026-01-01", "confirmed_at_1": "10:00"}).status_code == 403
    assert StandingApproval.objects.get().confirmed_at is None


def test_nothing_of_ours_can_be_deleted_in_the_admin(boss: User) -> None:
    request = type("Request", (), {"user": boss})()
    ours = {"cases", "agents", "approvals", "workmap"}
    for model, page_ in admin.site._registry.items():
        if model._meta.app_label in ours or model is User:
            assert page_.has_delete_permission(request) is False, model  # type: ignore[arg-type]


def test_every_record_of_the_map_has_an_admin_page_with_history() -> None:
    edited = {model for model, page_ in admin.site._registry.items() if isinstance(page_, RecordAdmin)}
    with_history = {
        model
        for model in Case._meta.apps.get_models()
        if hasattr(model, "history") and model._meta.app_label in {"cases", "agents", "approvals"}
    }
    assert with_history - edited == {StandingApproval}


@pytest.mark.parametrize(
    "name",
    [
        "cases_case",
        "cases_message",
        "cases_event",
        "cases_eventdetail",
        "cases_anchor",
        "cases_example",
        "agents_run",
        "agents_proposal",
        "agents_write",
        "agents_switch",
        "approvals_approval",
        "approvals_decision",
        "approvals_draft",
    ],
)
def test_what_runs_can_only_be_looked_at(page: Client, name: str) -> None:
    listed = page.get(reverse(f"admin:{name}_changelist"))
    assert listed.status_code == 200
    assert page.get(reverse(f"admin:{name}_add")).status_code == 403


def test_an_admin_sees_only_cases_of_their_teams(page: Client, boss: User) -> None:
    case = running()
    url = reverse("admin:cases_case_change", args=[case.pk])
    assert page.get(url).status_code == 302  # the admin says that it does not exist
    boss.groups.add(Team.objects.get(name="support").group)
    assert page.get(url).status_code == 200
    assert page.post(url, {"status": "done"}).status_code == 403


def test_lists_ask_as_many_questions_for_many_rows_as_for_few(page: Client, boss: User) -> None:
    boss.groups.add(Team.objects.get(name="support").group)
    url = reverse("admin:cases_case_changelist")
    running()
    page.get(url)
    with CaptureQueriesContext(connection) as few:
        page.get(url)
    for _number in range(30):
        running()
    with CaptureQueriesContext(connection) as many:
        page.get(url)
    assert len(few) == len(many) <= 14


def test_a_user_is_changed_with_an_event(page: Client) -> None:
    user = User.objects.create(username="one", date_joined=timezone.now() - timedelta(days=1))
    url = reverse("admin:auth_user_change", args=[user.pk])
    data = {
        "username": "one", "first_name": "One", "is_active": "on", "person-TOTAL_FORMS": "0", "person-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert page.post(url, data).status_code == 302
    assert Event.objects.filter(code="people.changed").count() == 1


@pytest.mark.parametrize("more", [{"usable_password": "true"}, {"usable_password": "false", "unset-password": "x"}])
def test_a_password_that_an_admin_gives_or_takes_leaves_an_event(page: Client, more: dict[str, str]) -> None:
    """Whoever gives one could come in by it and decide: no log of the admin tells that as the ledger does."""
    user = User.objects.create_user("one", password="a-long-test-password")
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    assert page.post(url, {"password1": "short", "password2": "short", "usable_password": "true"}).status_code == 200
    assert not Event.objects.filter(code="people.changed").exists()
    words = {"password1": "another-long-one-7", "password2": "another-long-one-7", **more}
    assert page.post(url, words).status_code == 302
    told = Event.objects.get(code="people.changed")
    assert told.actor == "boss (boss)" and told.detail.data["person"] == "one"
    assert told.detail.data["fields"] == ["password"]
    assert "another-long" not in str(told.detail.data)


def earlier(row: Any) -> str:
    """The page of the first version of a row."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_simple_history"
    return reverse(name, args=[row.pk, row.history.last().pk])


def test_going_back_to_an_earlier_version_makes_a_new_one(page: Client) -> None:
    row = Template.objects.get(name="ask_number")
    send(page, row, en="Which order is it?")
    data = {**filled(page, earlier(row)), "change_reason": "It was better"}
    assert page.post(earlier(row), data, follow=True).redirect_chain
    row.refresh_from_db()
    assert (row.texts["en"], row.version) == ("Which order?", 3)
    assert row.history.first().history_change_reason == "It was better"


def test_an_earlier_confirmation_cannot_be_brought_back(page: Client) -> None:
    row = StandingApproval.objects.get()
    row.confirmed_at = timezone.now()
    row.save()
    confirmed = row.history.first()
    row.confirmed_at = None
    row.save()
    url = reverse("admin:approvals_standingapproval_simple_history", args=[row.pk, confirmed.pk])
    assert page.get(url).status_code == 200
    assert page.post(url, {}).status_code == 403
    assert StandingApproval.objects.get().confirmed_at is None


def test_who_may_only_look_cannot_go_back_either(page: Client) -> None:
    row = Template.objects.get(name="ask_number")
    send(page, row, en="Which order is it?")
    looker = User.objects.create_user("looker", "", "a-long-test-password", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_template"))
    client = Client()
    client.force_login(looker)
    assert client.post(earlier(row), {"change_reason": "x"}).status_code == 403
    assert Template.objects.get(pk=row.pk).version == 2


def test_a_version_of_every_kind_can_be_looked_at(page: Client) -> None:
    for model in EDITED:
        assert page.get(earlier(model.objects.first())).status_code == 200
        assert (
            page.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")).status_code == 200
        )
