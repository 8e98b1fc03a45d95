"""What comes back from retirement is compared with what it was: two changes do not what one may not."""

# one case a row, one record a line

import copy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Draft
from cases.actors import Actor, person
from cases.models import Case, RequestType
from orchestrator.workmap import live, services
from orchestrator.workmap.records import Record, normal, same, title_of
from tests.workmap.maps import named, of, shop, shop_text

BY = Actor("control", "test")


@pytest.fixture
def running(db: None) -> None:
    services.load(actor=BY, text=shop_text())
    now = timezone.now()
    Case.objects.create(source="customer", channel="api", created_at=now, updated_at=now)


def publish(draft: Draft) -> None:
    second = User.objects.create(username="second", is_staff=True, is_superuser=True)
    services.publish_draft(actor=person(second), draft_id=draft.pk, reason="Agreed")


def changed(what: str, name: str, becomes: Record | None) -> Any:
    return services.change_record(actor=BY, what=what, name=name, becomes=becomes, reason="x")


def retire(what: str, name: str) -> Record:
    record = live.read().records[what, name]
    changed(what, name, None)
    assert (what, name) not in live.read().records and not Draft.objects.exists()
    return record


@pytest.fixture
def spare(running: None) -> None:
    """Records that no other names, so that they can be retired."""
    whole = shop()
    whole["teams"].append({"name": "night", "escalates_to": "heads", "step_up": True})
    whole["systems"].append({"name": "loyalty", "connector": "http", "url": "https://points.example.com"})
    send = named(whole["operations"], "messages.send")
    whole["operations"].append({**send, "name": "loyalty.give", "risk": "high", "secret": ["text"]})
    whole["agents"].append({"name": "night", "owner": "support", "purpose": "p", "limits": {"cost_per_day": 5}})
    refund = copy.deepcopy(named(whole["request_types"], "refund"))
    refund |= {"name": "repair", "lead": "heads", "risk": "high", "confidential": True, "routes": []}
    whole["request_types"].append(refund)
    services.load(actor=BY, text=of(whole))
    assert not Draft.objects.exists()


def without_check(record: Record) -> Record:
    return {**record, "steps": [step for step in record["steps"] if step["name"] != "check"]}


LOOSER = [
    ("request_type", "repair", lambda record: {**record, "lead": "support"}),
    ("request_type", "repair", lambda record: {**record, "risk": "low"}),
    ("request_type", "repair", lambda record: {**record, "confidential": False}),
    ("request_type", "repair", lambda record: {**record, "facts": [*record["facts"][:-1]]}),
    ("request_type", "repair", without_check),
    ("operation", "loyalty.give", lambda record: {**record, "risk": "low"}),
    ("operation", "loyalty.give", lambda record: {**record, "secret": []}),
    ("operation", "loyalty.give", lambda record: {**record, "case_key": "none"}),
    ("agent", "night", lambda record: {**record, "limits": {"cost_per_day": 500}}),
    ("agent", "night", lambda record: {**record, "brain": {"kind": "outside"}}),
    ("team", "night", lambda record: {**record, "step_up": False}),
    ("system", "loyalty", lambda record: {**record, "private_network": True}),
]


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize(("what", "name", "looser"), LOOSER)
def test_what_comes_back_looser_than_it_was_needs_a_second_person(what: str, name: str, looser: Any) -> None:
    if what == "system":
        retire("operation", "loyalty.give")
    becomes = looser(retire(what, name))
    outcome = changed(what, name, becomes)
    assert outcome.waiting and (what, name) not in live.read().records
    draft = Draft.objects.get()
    assert draft.words.splitlines()[0] == f"{title_of(what).capitalize()} {name} comes back"
    assert len(draft.words.splitlines()) == 2, "and what is looser than it was"
    publish(draft)
    assert same(live.read().records[what, name], normal(what, becomes))


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize(("what", "name"), dict.fromkeys((what, name) for what, name, _looser in LOOSER))
def test_what_comes_back_as_it_was_or_stricter_is_in_force_at_once(what: str, name: str) -> None:
    if what == "system":
        retire("operation", "loyalty.give")
    was = retire(what, name)
    assert changed(what, name, was).in_force == [f"{title_of(what).capitalize()} {name} comes back"]
    assert live.read().records[what, name] == was and not Draft.objects.exists()
    retire(what, name)
    changed(what, name, {**was, "title": "T"})
    assert live.read().records[what, name]["title"] == "T" and not Draft.objects.exists()


@pytest.mark.usefixtures("running")
def test_what_gives_something_needs_a_second_person_to_come_back() -> None:
    whole = shop()
    grant = live.read().records["grant", "support crm.note"]
    changed("grant", "support crm.note", None)
    assert changed("grant", "support crm.note", grant).waiting
    note = {**named(whole["operations"], "crm.note"), "name": "crm.tag"}
    changed("operation", "crm.tag", note)
    publish(Draft.objects.get(name="crm.tag"))
    changed("operation", "crm.tag", None)
    assert changed("operation", "crm.tag", note).waiting


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("name", ["work_out", "work_out_again"])
@pytest.mark.parametrize("to_people", [False, True])
def test_a_step_comes_back_with_no_more_operations_than_it_had(name: str, to_people: bool) -> None:
    """Dropping it, or giving it to people, lifts its limits no more than changing it would; nor does another name."""
    changed("grant", "finance payments.refund", None)  # it names the step
    was = live.read().records["request_type", "refund"]
    steps = {step["name"]: step for step in was["steps"]}
    bounded = steps.pop("work_out")
    for one in steps.values():
        one["after"] = [step for step in one.get("after", []) if step != "work_out"]
    with_people = [{"name": "work_out", "team": "support", "does": "Work it out"}] if to_people else []
    without = {**was, "steps": [*steps.values(), *with_people]}
    changed("request_type", "refund", without)
    assert not Draft.objects.exists()
    free = {key: value for key, value in bounded.items() if key != "operations"} | {"name": name}
    rest = [step for step in without["steps"] if step["name"] != name]
    outcome = changed("request_type", "refund", {**without, "title": "Money back", "steps": [*rest, free]})
    now = live.read().records["request_type", "refund"]
    assert outcome.waiting and now["title"] == "Money back"
    assert not [step for step in now["steps"] if step.get("agent") == "finance"]
    publish(Draft.objects.get())
    again = live.read().records["request_type", "refund"]["steps"]
    assert [step["name"] for step in again if step.get("agent") == "finance"] == [name]


@pytest.mark.usefixtures("spare")
def test_a_map_brings_nothing_back_looser_than_it_was() -> None:
    retire("request_type", "repair")
    whole = shop()
    refund = named(whole["request_types"], "refund")
    whole["request_types"].append({**refund, "name": "repair", "lead": "support", "routes": []})
    loaded = services.load(actor=BY, text=of(whole))
    assert RequestType.objects.get(name="repair").retired and len(loaded.waiting) == 1
    assert "Request type repair: lead changes from heads to support (needs a second person)" in loaded.words
