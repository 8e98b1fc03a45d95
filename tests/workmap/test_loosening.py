"""On a running system what loosens waits for a second person; what tightens is in force at once."""

# one case a row, one record a line

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Grant, Operation
from approvals.models import Draft, Rule
from cases.actors import Actor, person
from cases.errors import NoRight, ReasonRequired
from cases.models import Case, Event, RequestType, Team, Template
from orchestrator.workmap import live, loosening, services
from orchestrator.workmap.errors import DraftEnded, DraftOutdated, OwnLimit, Refused, SecondPerson
from orchestrator.workmap.loosening_rules import Surroundings
from orchestrator.workmap.management.commands.load_map import told
from orchestrator.workmap.records import Record
from tests.workmap.maps import named, of, shop, shop_text

BY = Actor("control", "test")
AROUND = Surroundings(
    lines={"support": "support-managers", "support-managers": "heads"},
    leads={"refund": "support-managers", "delay": "support-managers"},
    lower=frozenset({"crm.note"}),
)


def spots(what: str, old: Any, new: Any) -> list[Any]:
    return loosening.spots(what, old, new, AROUND)


def rule(**changes: Any) -> Record:
    base: Record = {
        "name": "r",
        "when": {
            "types": ["refund"],
            "operations": ["payments.refund"],
            "all": [{"argument": "amount", "is": "more than", "value": 300}],
        },
        "then": {"ask": "support-managers", "people": 1, "within": "2h", "calendar": "office"},
    }
    return {**base, **changes}


def when(**changes: Any) -> Record:
    return rule(when={**rule()["when"], **changes})


def then(**changes: Any) -> Record:
    return rule(then={**rule()["then"], **changes})


def amount(value: Any, comparison: str = "more than") -> list[Any]:
    return [{"argument": "amount", "is": comparison, "value": value}]


STANDING = {"by": "may.lee", "up_to": 300, "per_day": 20, "until": "2027-01-31"}


def standing(**changes: Any) -> Record:
    return rule(
        then={"standing_approval": {**STANDING, **changes}},
        when={"operations": ["payments.refund"], "all": amount(300, "at most")},
    )


@pytest.mark.parametrize(
    ("old", "new", "loosens"),
    [
        (then(), then(together={"total": 500}), False),
        (then(together={"total": 500}), then(together={"total": 400}), False),
        (then(together={"total": 500}), then(together={"total": 501}), True),
        (then(together={"total": 500}), then(), True),
        (None, rule(), False),
        (None, standing(), True),
        (rule(), None, True),
        (standing(), None, False),
        (rule(), rule(title="T"), False),
        (None, then(ask="support"), True),  # it would take the place of the lead
        (None, then(ask="legal"), True),
        (None, then(ask="heads"), False),
        (None, rule(then={"stages": [{"ask": "support"}, {"ask": "heads"}]}), False),  # all must agree
        (None, rule(then={"stages": [{"ask": "support"}, {"ask": "legal"}]}), True),
        (None, rule(then={"forbid": "No"}), False),
        (None, rule(then={"forbid": "No", "if_unknown": {"ask": "support"}}), True),
        (None, then(if_nobody={"pass_to": "support", "within": "1h"}), True),
        (None, then(if_nobody={"pass_to": "heads"}), False),
        (None, rule(when={"operations": ["crm.note"]}, then={"ask": "support"}), False),  # nobody was asked before
        (then(ask="support"), {**then(ask="support"), "when": {**rule()["when"], "all": amount(100)}}, True),
        (standing(), then(ask="support"), True),
        (rule(), then(if_nobody={"pass_to": "support"}), True),
        (rule(), rule(active=False), True),
        (rule(active=False), rule(), False),
        (rule(active=False), {**standing(), "active": True}, True),
        (rule(), when(all=amount(500)), True),
        (rule(), when(all=amount(200)), False),
        (rule(), when(all=amount("200")), True),
        (rule(), when(all=amount(True)), True),
        (rule(), when(all=amount(300, "at least")), True),
        (rule(), when(all=[]), False),
        (rule(), when(all=[*amount(300), {"fact": "x", "is": "known"}]), True),
        (rule(), when(types=["refund", "delay"]), False),
        (rule(), when(types=["delay"]), True),
        (rule(), when(types=[]), False),
        (when(types=[]), rule(), True),
        (rule(), when(operations=["payments.refund", "x.y"]), False),
        (rule(), when(any=[{"fact": "x", "is": "known"}]), True),
        (rule(), then(ask="heads"), False),
        (then(ask="heads"), rule(), True),
        (rule(), then(ask="support"), True),
        (rule(), then(people=2), False),
        (then(people=2), rule(), True),
        (rule(), then(within="1h"), False),
        (rule(), then(within="3h"), True),
        (rule(), then(within="1d"), True),
        (rule(), then(calendar="other"), True),
        (rule(), then(if_nobody={"pass_to": "heads"}), False),
        (then(if_nobody={"pass_to": "heads"}), rule(), True),
        (rule(), rule(then={"forbid": "No"}), False),
        (rule(then={"forbid": "No"}), rule(), True),
        (rule(then={"forbid": "No"}), rule(then={"forbid": "Never"}), False),
        (rule(then={"forbid": "No"}), rule(then={"forbid": "No", "if_unknown": {"ask": "support"}}), True),
        (rule(), rule(then={"standing_approval": STANDING}), True),
        (rule(then={"standing_approval": STANDING}), rule(), False),
        (rule(), rule(then={"stages": [{"ask": "heads"}]}), True),
        (standing(), standing(up_to=200), False),
        (standing(), standing(up_to=400), True),
        (standing(), standing(total=100), False),
        (standing(total=100), standing(), True),
        (standing(), standing(by="joe.tam"), True),
        (standing(), standing(until="2027-01-30"), False),
        (standing(), standing(until="2027-02-01"), True),
        (standing(), {**standing(), "when": {"operations": ["payments.refund"], "all": amount(200, "at most")}}, False),
        (standing(), {**standing(), "when": {"operations": ["payments.refund"], "all": amount(400, "at most")}}, True),
        (standing(), {**standing(), "when": {"operations": ["payments.refund"]}}, True),
    ],
)  # fmt: skip
def test_a_rule_loosens_unless_it_is_provably_stricter(old: Any, new: Any, loosens: bool) -> None:
    assert bool(spots("rule", old, new)) is loosens


OPERATION = {
    "name": "payments.refund", "level": "internal", "kind": "write", "case_key": {"a": "b"}, "editable": ["amount"],
    "risk": "medium", "hold": "60s", "high_above": 2000, "effect_key": {"header": "X"}, "secret": ["pin"],
    "arguments": {"type": "object", "properties": {"amount": {"type": "number"}}},
}  # fmt: skip
GRANT = {
    "agent": "a", "operation": "x.y", "reason": "r", "until": "2027-03-31", "fields": ["a", "b"], "types": ["t", "u"],
    "limits": {"per_day": 10},
}  # fmt: skip
TYPE = {
    "name": "t", "team": "support", "lead": "heads", "risk": "medium",
    "facts": [{"name": "f", "from": [{"formula": "1"}]}],
    "steps": [{"name": "s", "agent": "a", "operations": ["x.y", "x.z"]}, {"name": "p", "team": "support"}],
}  # fmt: skip
NEVER = {"all": [{"fact": "f", "is": "is", "value": 2}]}
LOOKED = TYPE | {
    "steps": [
        {"name": "draft", "agent": "a"},
        {"name": "look", "team": "support", "after": ["draft"]},
        {"name": "end", "agent": "b", "after": ["look"]},
    ]
}
OPEN_STEP = TYPE | {"steps": [{"name": "s", "agent": "a"}]}


@pytest.mark.parametrize(
    ("what", "base", "changes", "loosens"),
    [
        ("operation", OPERATION, {"title": "T"}, False),
        ("operation", OPERATION, {"level": "case"}, True),
        ("operation", OPERATION, {"level": "controlled"}, False),
        ("operation", OPERATION, {"level": None}, False),
        ("operation", OPERATION, {"kind": "read"}, True),
        ("operation", OPERATION, {"editable": ["amount", "reason"]}, True),
        ("operation", OPERATION, {"editable": []}, False),
        ("operation", OPERATION, {"hold": "30s"}, True),
        ("operation", OPERATION, {"hold": "90s"}, False),
        ("operation", OPERATION, {"hold": None}, True),
        ("operation", OPERATION, {"case_key": "none"}, True),
        ("operation", OPERATION, {"case_key": None}, True),
        ("operation", OPERATION, {"case_key": {"a": "b", "c": "d"}}, False),
        ("operation", OPERATION, {"case_key": {"a": "c"}}, True),
        ("operation", OPERATION, {"risk": "low"}, True),
        ("operation", OPERATION, {"risk": "high"}, False),
        ("operation", OPERATION, {"high_above": 3000}, True),
        ("operation", OPERATION, {"high_above": 1000}, False),
        ("operation", OPERATION, {"high_above": None}, True),
        ("operation", OPERATION, {"effect_key": None}, True),
        ("operation", OPERATION, {"secret": []}, True),
        ("operation", OPERATION, {"secret": ["pin", "amount"]}, False),
        ("operation", OPERATION, {"arguments": {"type": "object", "properties": {"amount": {"type": "number", "title": "Amount"}}}}, False),
        ("operation", OPERATION, {"arguments": {"type": "object", "properties": {"amount": {}}}}, True),
        ("operation", OPERATION, {"call": {"method": "POST", "path": "/x"}}, True),
        ("grant", GRANT, {"reason": "s"}, False),
        ("grant", GRANT, {"fields": ["a"]}, False),
        ("grant", GRANT, {"fields": ["a", "c"]}, True),
        ("grant", GRANT, {"fields": None}, True),
        ("grant", GRANT, {"types": ["t"]}, False),
        ("grant", GRANT, {"types": None}, True),
        ("grant", GRANT, {"steps": ["s"]}, False),
        ("grant", GRANT, {"until": "2027-04-30"}, True),
        ("grant", GRANT, {"until": "2027-01-31"}, False),
        ("grant", GRANT, {"limits": {"per_day": 11}}, True),
        ("grant", GRANT, {"limits": {"per_day": 9, "per_case": 1}}, False),
        ("grant", GRANT, {"limits": None}, True),
        ("request_type", TYPE, {"title": "T", "phrases": ["x"], "examples": ["y"]}, False),
        ("request_type", TYPE, {"lead": "support"}, True),
        ("request_type", TYPE, {"team": "heads"}, True),
        ("request_type", TYPE, {"risk": "low"}, True),
        ("request_type", TYPE, {"facts": []}, True),
        ("request_type", TYPE, {"facts": [{"name": "f", "title": "F", "from": [{"formula": "1"}]}]}, False),
        ("request_type", TYPE, {"facts": [{"name": "f", "from": [{"formula": "0"}]}]}, True),
        ("request_type", TYPE, {"facts": [*TYPE["facts"], {"name": "g"}]}, False),
        ("request_type", TYPE, {"steps": [{"name": "s", "agent": "a", "operations": ["x.y"]}, TYPE["steps"][1]]}, False),
        ("request_type", TYPE, {"steps": [{"name": "s", "agent": "a"}, TYPE["steps"][1]]}, True),
        ("request_type", TYPE, {"steps": [{"name": "s", "agent": "b", "operations": ["x.y"]}, TYPE["steps"][1]]}, True),
        ("request_type", TYPE, {"steps": [{"name": "s", "team": "support"}, TYPE["steps"][1]]}, False),
        ("request_type", TYPE, {"steps": [TYPE["steps"][0], {"name": "p", "agent": "a"}]}, True),
        ("request_type", TYPE, {"steps": [TYPE["steps"][0]]}, True),
        ("request_type", TYPE, {"steps": [TYPE["steps"][1]]}, False),
        ("request_type", TYPE, {"steps": [*TYPE["steps"], {"name": "q", "agent": "a", "operations": ["x.z"]}]}, False),
        ("request_type", TYPE, {"steps": [*TYPE["steps"], {"name": "q", "agent": "a", "operations": ["x.w"]}]}, True),
        ("request_type", TYPE, {"steps": [*TYPE["steps"], {"name": "q", "agent": "a"}]}, True),
        ("request_type", TYPE, {"steps": [*TYPE["steps"], {"name": "q", "agent": "b", "operations": ["x.y"]}]}, True),
        ("request_type", TYPE, {"steps": [*TYPE["steps"], {"name": "q", "team": "support"}]}, False),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"][:1], LOOKED["steps"][1] | {"when": NEVER}, LOOKED["steps"][2]]}, True),
        ("request_type", LOOKED | {"steps": [LOOKED["steps"][0], LOOKED["steps"][1] | {"when": NEVER}, LOOKED["steps"][2]]}, {"steps": LOOKED["steps"]}, False),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"][:2], {"name": "end", "agent": "a"}]}, True),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"][:2], {"name": "end", "agent": "a", "after": ["draft"]}]}, True),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"], {"name": "q", "agent": "a", "after": ["look"]}]}, False),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"], {"name": "q", "agent": "a"}]}, False),  # as `draft` may
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"], {"name": "q", "agent": "b", "after": ["end"]}]}, False),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"], {"name": "q", "agent": "b"}]}, True),
        ("request_type", LOOKED, {"steps": [LOOKED["steps"][0] | {"when": NEVER}, *LOOKED["steps"][1:]]}, False),
        ("request_type", LOOKED, {"steps": [*LOOKED["steps"][:2], LOOKED["steps"][2] | {"after": ["draft", "look"]}]}, False),
        ("request_type", OPEN_STEP, {"steps": [*OPEN_STEP["steps"], {"name": "q", "agent": "a", "operations": ["x.w"]}]}, False),
        ("system", {"name": "s", "connector": "http", "url": "https://a"}, {"private_network": True}, True),
        ("system", {"name": "s", "connector": "http", "private_network": True}, {"private_network": None}, False),
        ("system", {"name": "s", "connector": "http", "url": "https://a"}, {"url": "https://b"}, True),
        ("system", {"name": "s", "connector": "http"}, {"timeout": "20s", "owner": "heads"}, False),
        ("agent", {"name": "a", "active": False}, {"active": None}, True),
        ("agent", {"name": "a"}, {"active": False}, False),
        ("agent", {"name": "a", "limits": {"cost_per_day": 5}}, {"limits": {"cost_per_day": 6}}, True),
        ("agent", {"name": "a"}, {"brain": {"kind": "outside"}}, True),
        ("company", {"name": "c", "hold": "30s"}, {"hold": "10s"}, True),
        ("company", {"name": "c"}, {"step_up": "high"}, False),
        ("company", {"name": "c", "step_up": "high"}, {"step_up": "medium"}, False),
        ("company", {"name": "c", "step_up": "medium"}, {"step_up": "high"}, True),
        ("company", {"name": "c", "step_up": "high"}, {"step_up": None}, True),
        ("company", {"name": "c"}, {"step_up_lasts": "1m"}, False),
        ("company", {"name": "c"}, {"step_up_lasts": "10m"}, True),
        ("company", {"name": "c", "step_up_lasts": "1m"}, {"step_up_lasts": None}, True),
        ("team", {"name": "t"}, {"step_up": True}, False),
        ("request_type", TYPE, {"suggestion_after_choice": True}, False),
        ("request_type", TYPE | {"suggestion_after_choice": True}, {"suggestion_after_choice": None}, True),
        ("team", {"name": "t", "step_up": True}, {"step_up": None}, True),
        ("company", {"name": "c", "hold": "30s"}, {"hold": "60s"}, False),
        ("company", {"name": "c"}, {"reply": {"operation": "x.y"}}, True),
        ("team", {"name": "t", "escalates_to": "u"}, {"escalates_to": None}, True),
        ("calendar", {"name": "c", "hours": {"mon": "09:00-10:00"}}, {"hours": {"tue": "09:00-10:00"}}, False),
    ],
)  # fmt: skip
def test_a_change_loosens_when_it_is_not_known_to_be_stricter(
    what: str, base: Any, changes: Any, loosens: bool
) -> None:
    new = {key: value for key, value in {**base, **changes}.items() if value is not None}
    assert bool(spots(what, base, new)) is loosens


def of_arguments(**changes: Any) -> Record:
    """A schema with an argument for each place in which `title` is a name or a value, and not words for people."""
    named_so = {"type": "string", "title": "Title", "maxLength": 40}
    whole: Record = {
        "type": "object",
        "title": "Voucher",
        "properties": {
            "title": named_so,
            "items": {"type": "array", "items": {"type": "object", "properties": {"description": named_so}}},
            "kind": {"const": {"title": "gift"}},
            "size": {"$ref": "#/$defs/examples"},
        },
        "$defs": {"examples": named_so},
        "dependentRequired": {"title": ["kind"]},
    }
    return {**OPERATION, "arguments": {**whole, **changes}}


@pytest.mark.parametrize(
    ("changes", "loosens"),
    [
        ({"title": "Gift", "description": "d", "examples": [{}]}, False),
        ({"$defs": {"examples": {"type": "string", "title": "T", "maxLength": 40}}}, False),
        ({"$defs": {"examples": {"type": "string", "title": "Title"}}}, True),
        ({"dependentRequired": {}}, True),
        ({"dependentRequired": {"title": []}}, True),
    ],
)
def test_words_of_a_schema_may_change_but_not_arguments_that_are_called_so(changes: Record, loosens: bool) -> None:
    assert bool(spots("operation", of_arguments(), of_arguments(**changes))) is loosens


@pytest.mark.parametrize(
    ("name", "schema", "loosens"),
    [
        ("title", {"type": "string", "description": "d", "maxLength": 40}, False),
        ("title", {"type": "string", "title": "Title", "maxLength": 400}, True),
        ("title", None, True),
        ("items", {"type": "array", "items": {"type": "object", "properties": {"description": {}}}}, True),
        ("items", {"type": "array", "items": {"type": "object", "properties": {}}}, True),
        ("kind", {"const": {"title": "refund"}}, True),
    ],
)
def test_an_argument_may_be_called_title(name: str, schema: Record | None, loosens: bool) -> None:
    kept = {**of_arguments()["arguments"]["properties"], name: schema}
    new = of_arguments(properties={key: value for key, value in kept.items() if value is not None})
    assert bool(spots("operation", of_arguments(), new)) is loosens


def test_what_is_new_loosens_if_it_gives_something() -> None:
    assert spots("grant", None, GRANT) and not spots("grant", GRANT, None)
    assert spots("operation", None, OPERATION)
    assert not spots("operation", None, {**OPERATION, "level": "controlled"})
    assert not spots("agent", None, {"name": "a"})


# ------------------------------------------------------------------ on a running system


@pytest.fixture
def running(db: None) -> None:
    services.load(actor=BY, text=shop_text())
    now = timezone.now()
    Case.objects.create(source="customer", channel="api", created_at=now, updated_at=now)


def admin(name: str) -> User:
    return User.objects.create(username=name, is_staff=True, is_superuser=True)


def with_rule_at(value: int) -> Any:
    whole = shop()
    named(whole["rules"], "refund-over-300")["when"]["all"][0]["value"] = value
    return whole


@pytest.mark.django_db
def test_on_an_empty_system_everything_is_in_force() -> None:
    services.load(actor=BY, text=shop_text())
    services.load(actor=BY, text=of(with_rule_at(900)))
    assert Rule.objects.get(name="refund-over-300").when["all"][0]["value"] == 900
    assert not Draft.objects.exists()


@pytest.mark.usefixtures("running")
def test_what_tightens_is_in_force_at_once() -> None:
    loaded = services.load(actor=BY, text=of(with_rule_at(200)))
    assert Rule.objects.get(name="refund-over-300").when["all"][0]["value"] == 200
    assert loaded.changed and not Draft.objects.exists()


@pytest.mark.usefixtures("running")
def test_what_loosens_waits_and_the_rest_is_in_force() -> None:
    whole = with_rule_at(500)
    named(whole["operations"], "payments.refund")["title"] = "Give money back"
    refund = named(whole["request_types"], "refund")
    refund["lead"] = "heads"
    refund["templates"][0]["en"] = "Hello"
    whole["grants"].append({"agent": "support", "operation": "crm.get", "reason": "r", "until": "2027-01-01"})
    loaded = services.load(actor=BY, text=of(whole), reason="Autumn")
    assert Rule.objects.get(name="refund-over-300").when["all"][0]["value"] == 300
    assert Operation.objects.get(name="payments.refund").title == "Give money back"
    assert RequestType.objects.get(name="refund").lead.name == "support-managers"
    assert Template.objects.get(name="refund_full").texts["en"] == "Hello"
    assert not Grant.objects.filter(operation__name="crm.get").exists()
    assert sorted(Draft.objects.values_list("what", "name")) == [
        ("grant", "support crm.get"), ("request_type", "refund"), ("rule", "refund-over-300"),
    ]  # fmt: skip
    assert "Rule refund-over-300: when.all changes (needs a second person)" in loaded.words
    assert "Request type refund: lead changes from support-managers to heads (needs a second person)" in loaded.words
    assert "Operation payments.refund: title changes from “Refund a payment” to “Give money back”" in loaded.words
    assert Event.objects.filter(code="policy.proposed").count() == 3


@pytest.mark.usefixtures("running")
def test_loading_the_same_again_makes_no_second_draft() -> None:
    services.load(actor=BY, text=of(with_rule_at(500)))
    events = Event.objects.count()
    loaded = services.load(actor=BY, text=of(with_rule_at(500)))
    assert (Draft.objects.count(), Event.objects.count(), loaded.waiting) == (1, events, [])
    assert told(loaded, check_only=False)[-1].startswith("1 changes wait for a second person since an earlier load")
    services.load(actor=BY, text=of(with_rule_at(600)))
    assert sorted(Draft.objects.values_list("state", flat=True)) == ["dropped", "open"]


@pytest.mark.usefixtures("running")
def test_a_second_person_publishes() -> None:
    one, two = admin("one"), admin("two")
    services.load(actor=person(one), text=of(with_rule_at(500)), reason="Autumn")
    draft = Draft.objects.get()
    with pytest.raises(SecondPerson):
        services.publish_draft(actor=person(one), draft_id=draft.pk, reason="Agreed")
    assert Rule.objects.get(name="refund-over-300").version == 1
    services.publish_draft(actor=person(two), draft_id=draft.pk, reason="Agreed")
    rule_ = Rule.objects.get(name="refund-over-300")
    assert (rule_.version, rule_.when["all"][0]["value"]) == (2, 500)
    draft.refresh_from_db()
    assert (draft.state, draft.ended_by) == ("published", "two (two)")
    assert rule_.history.first().history_change_reason == "one (one): Autumn · two (two): Agreed"
    with pytest.raises(DraftEnded):
        services.publish_draft(actor=person(two), draft_id=draft.pk, reason="Agreed")
    assert Event.objects.filter(code="policy.published").count() == 1
    assert services.load(actor=BY, text=of(with_rule_at(500))).words == []


@pytest.mark.usefixtures("running")
def test_a_new_grant_and_the_last_of_a_rule_are_published_too() -> None:
    whole = shop()
    whole["grants"].append({"agent": "support", "operation": "crm.get", "reason": "r", "until": "2027-01-01"})
    whole["rules"] = [one for one in whole["rules"] if one["name"] != "repeat-refund"]
    services.load(actor=BY, text=of(whole), retire=True)
    assert not Rule.objects.get(name="repeat-refund").retired
    for draft in Draft.objects.all():
        services.publish_draft(actor=person(admin(f"admin{draft.pk}")), draft_id=draft.pk, reason="Agreed")
    assert Rule.objects.get(name="repeat-refund").retired
    assert Grant.objects.filter(operation__name="crm.get").exists()
    assert services.load(actor=BY, text=of(whole), retire=True).words == []


@pytest.mark.usefixtures("running")
def test_nobody_publishes_a_rule_that_changes_their_own_limit() -> None:
    whole = with_rule_at(500)
    named(whole["rules"], "small-refunds-pre-approved")["then"]["standing_approval"]["up_to"] = 400
    services.load(actor=BY, text=of(whole))
    manager, named_one = admin("manager"), admin("may.lee")

    manager.groups.add(Team.objects.get(name="support-managers").group)
    ask = Draft.objects.get(name="refund-over-300")
    pre = Draft.objects.get(name="small-refunds-pre-approved")
    with pytest.raises(OwnLimit):
        services.publish_draft(actor=person(manager), draft_id=ask.pk, reason="Agreed")
    with pytest.raises(OwnLimit):
        services.publish_draft(actor=person(named_one), draft_id=pre.pk, reason="Agreed")
    services.publish_draft(actor=person(named_one), draft_id=ask.pk, reason="Agreed")
    services.publish_draft(actor=person(manager), draft_id=pre.pk, reason="Agreed")


@pytest.mark.usefixtures("running")
def test_only_an_admin_publishes_or_drops() -> None:
    services.load(actor=BY, text=of(with_rule_at(500)))
    draft = Draft.objects.get()

    for actor in (person(User.objects.create(username="clerk")), BY):
        with pytest.raises(NoRight):
            services.publish_draft(actor=actor, draft_id=draft.pk, reason="Agreed")
        with pytest.raises(NoRight):
            services.drop_draft(actor=actor, draft_id=draft.pk)
    services.drop_draft(actor=person(admin("one")), draft_id=draft.pk)
    draft.refresh_from_db()
    assert draft.state == "dropped" and Rule.objects.get(name="refund-over-300").version == 1


@pytest.mark.usefixtures("running")
def test_a_draft_of_a_record_that_changed_since_is_not_published() -> None:
    services.load(actor=BY, text=of(with_rule_at(500)))
    draft = Draft.objects.get()
    services.change_record(
        actor=BY,
        what="rule",
        name="refund-over-300",
        becomes=named(with_rule_at(100)["rules"], "refund-over-300"),
        reason="x",
    )
    with pytest.raises(DraftOutdated):
        services.publish_draft(actor=person(admin("one")), draft_id=draft.pk, reason="Agreed")


@pytest.mark.usefixtures("running")
def test_what_needs_a_waiting_record_waits_with_it() -> None:
    whole = shop()
    new = {**named(whole["operations"], "crm.note"), "name": "crm.tag"}
    whole["operations"].append(new)
    step = named(named(whole["request_types"], "refund")["steps"], "reply")
    step["procedure"][1] = {"write": "crm.tag", "with": {"text": "{draft}"}}
    before = live.read().records
    services.load(actor=BY, text=of(whole))
    assert sorted(Draft.objects.values_list("name", flat=True)) == ["crm.tag", "refund"]
    assert live.read().records == before
    publisher = person(admin("one"))

    with pytest.raises(Refused, match=r"crm\.tag"):
        services.publish_draft(actor=publisher, draft_id=Draft.objects.get(name="refund").pk, reason="Agreed")
    for name in ("crm.tag", "refund"):
        services.publish_draft(actor=publisher, draft_id=Draft.objects.get(name=name).pk, reason="Agreed")
    assert services.load(actor=BY, text=of(whole)).words == []


@pytest.mark.usefixtures("running")
def test_a_change_by_hand_needs_a_reason_and_must_fit() -> None:

    becomes = named(shop()["rules"], "repeat-refund")
    with pytest.raises(ReasonRequired):
        services.change_record(actor=BY, what="rule", name="repeat-refund", becomes=becomes, reason=" ")
    with pytest.raises(Refused, match="did you mean `heads`"):
        wrong = {**becomes, "then": {"ask": "heds"}}
        services.change_record(actor=BY, what="rule", name="repeat-refund", becomes=wrong, reason="x")
    assert Rule.objects.get(name="repeat-refund").version == 1
