"""Facts: what the control layer finds out itself, each with its source; what it cannot find is unknown, with a reason."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents import configuration
from agents.fields import seen_through
from agents.finding import finder_for
from agents.models import FactSource
from agents.reading import Reader
from agents.tooling import StepTools
from cases.clock import database_now
from cases.models import Case, Fact, Person
from cases.values import UNKNOWN
from tests.company import Small


def find(case: Case, name: str, **more: Any) -> Any:
    return finder_for(case, configuration.current(), Reader(), now=database_now(), **more).find(name)


def source(name: str, *, type_name: str = "refund", **settings: Any) -> None:
    """Let a fact of the type come from somewhere else."""
    row = FactSource.objects.filter(fact__type__name=type_name, fact__name=name).order_by("position")[0]
    FactSource.objects.filter(fact=row.fact).exclude(pk=row.pk).delete()
    row.kind, row.settings, row.operation = (
        next(iter(settings)),
        settings,
        row.operation if "look_up" in settings else None,
    )
    row.save()


@pytest.fixture
def case(company: Small) -> Case:
    return company.go(company.receive())


def test_every_fact_has_value_source_and_time(company: Small, case: Case) -> None:
    facts = case.facts
    assert facts["order_number"]["value"] == "A100" and facts["order_number"]["source"] == "message"
    assert facts["order"]["source"] == "shop.order" and facts["total"]["value"] == 100
    assert facts["refunds"]["value"] == 0 and facts["refunds"]["source"] == "history"
    assert all(fact["at"] for fact in facts.values())
    assert {name for name, fact in facts.items() if fact["bound"]} >= {
        "customer",
        "order_number",
        "order",
        "payment_ids",
    }


def test_a_system_that_does_not_answer_makes_it_unknown_with_the_reason(company: Small) -> None:
    company.shop.faults["/orders"] = ["400"] * 9
    case = company.go(company.receive())
    assert not case.facts["order_number"]["known"] and not case.facts["total"]["known"]
    assert case.facts["total"]["why"] and case.facts["total"]["value"] is None
    assert case.lacked and case.status == "with_person"


def test_each_record_is_read_once_and_told_without_its_values(company: Small, case: Case) -> None:
    assert company.shop.sent("/orders/A100", "GET") == 1 == company.shop.sent("/customers/c1", "GET")
    told = company.told(case, "data.read")
    assert {"system", "operation", "arguments", "fields", "count", "digest"} <= set(told)
    assert "hidden" not in str(told)


def test_the_newest_message_counts_and_a_foreign_number_is_passed_over(company: Small) -> None:
    case = company.go(company.receive(text="I mean A200, or rather A101. Not A100."))
    assert case.facts["order_number"]["value"] == "A101"
    source("order_number", message=r"\bA\d{3}\b", all=True,
           owner={"read": "shop.order", "arguments": {"number": "{value}"}, "path": "customer_id"})  # fmt: skip
    row = FactSource.objects.get(fact__type__name="refund", fact__name="order_number").fact
    row.kind = "list"
    row.save()
    assert find(case, "order_number").value == ["A101", "A100"]


def test_a_fact_that_leads_back_to_itself_is_unknown(company: Small, case: Case) -> None:
    source("tier", formula="total + 1")
    source("total", formula="tier + 1")
    found = find(case, "tier")
    assert found.value is UNKNOWN and found.why


@pytest.mark.parametrize(
    "formula", ["1 / 0", "order.nothing", "order.total +", "nobody", "map(order.lines as l, l.none)[9]", "null"]
)
def test_a_formula_without_a_value_is_unknown(company: Small, case: Case, formula: str) -> None:
    source("tier", formula=formula)
    assert find(case, "tier").value is UNKNOWN


def test_a_value_of_another_kind_is_unknown(company: Small) -> None:
    company.shop.orders["A100"]["total"] = "a lot"
    case = company.go(company.receive())
    assert not case.facts["total"]["known"]


def test_look_ups_for_each_of_a_list_are_all_or_nothing_and_bounded(company: Small, case: Case) -> None:
    row = FactSource.objects.get(fact__type__name="refund", fact__name="pay_state")
    row.settings = {
        "look_up": "shop.payment",
        "arguments": {"payment_id": "{each}"},
        "path": "state",
        "for_each": "payment_ids",
    }
    row.save()
    row.fact.kind = "list"
    row.fact.save()
    assert find(case, "pay_state").value == ["paid"]
    company.shop.orders["A100"]["payments"] = ["p1", "gone"]
    assert find(case, "pay_state").value is UNKNOWN
    company.shop.orders["A100"]["payments"] = ["p1"] * 51
    assert find(case, "pay_state").value is UNKNOWN


def test_history_counts_this_customer_within_the_days_and_leaves_out_what_it_is_told(company: Small) -> None:
    from datetime import timedelta

    from agents.models import Write

    company.standing(up_to=1000)
    one = company.go(company.receive())
    company.go(company.receive(customer="c2", order="A200"))
    assert find(one, "refunds").value == 1 and find(one, "refunded").value == Decimal(100)
    Write.objects.filter(case=one).update(placed_at=database_now() - timedelta(days=91))
    assert find(one, "refunds").value == 0


def test_sums_over_another_currency_cannot_be_told(company: Small) -> None:
    """A09: a sum of dollars and pounds is no sum."""
    from agents.models import Write

    company.standing(up_to=1000)
    case = company.go(company.receive())
    Write.objects.filter(case=case, state="written").update(currency="USD")
    assert find(case, "refunded").value is UNKNOWN and find(case, "refunds").value == 1


def test_the_clock_of_facts_can_be_stopped(company: Small, case: Case, settings: Any) -> None:
    settings.FIXED_NOW = "2026-06-05T10:00:00+08:00"
    source("tier", formula="string(now)")
    assert str(find(case, "tier").value).startswith("2026-06-05")
    assert database_now() > datetime(2026, 6, 6, tzinfo=UTC) or database_now().year >= 2026


def test_an_agent_sees_looked_up_facts_through_its_grant_only(company: Small, case: Case) -> None:
    """Of what no grant covers it sees whether it is known, nothing more."""
    from datetime import timedelta

    from agents.glance import Glance
    from agents.models import Agent, Grant, Run
    from agents.stretch import Stretch
    from approvals.judging import Judging

    def seen() -> Any:
        glance = Glance(configuration.current(), frozenset(), 0.0)
        run = Run.objects.filter(case=case, step="work_out").get()
        stretch = Stretch(case, run, glance, Judging(), now=database_now(), current=run)
        step = glance.config.types_by_name["refund"].steps["work_out"]
        return StepTools(stretch, step, Agent.objects.get(name="clerk"), after=None).visible_facts()

    assert seen()["order"] == {"number": "A100", "total": 100} and seen()["customer"]["tier"] == "gold"
    grant = Grant.objects.get(agent__name="clerk", operation__name="shop.customer")
    grant.until = database_now().date() - timedelta(days=2)
    grant.save()
    after = seen()
    assert after["customer"] is UNKNOWN and after["tier"] is UNKNOWN and after["order"] != UNKNOWN
    grant.until, grant.types = database_now().date() + timedelta(days=2), ["outside"]
    grant.save()
    assert seen()["customer"] is UNKNOWN


@pytest.mark.parametrize(
    ("value", "path", "fields", "shown"),
    [
        ({"a": 1, "b": 2}, None, ["a"], {"a": 1}),
        (Decimal("5"), "total", ["total"], Decimal("5")),
        (Decimal("5"), "total", ["number"], UNKNOWN),
        ("x", "secret.note", ["secret"], "x"),
        ("x", "secret.note", ["secret.other"], UNKNOWN),
        ({"a": 1, "b": 2}, "inner", ["inner.a"], {"a": 1}),
        ("plain", None, ["a"], UNKNOWN),
        ("plain", None, None, "plain"),
        ([{"a": 1, "b": 2}], "items", ["items"], [{"a": 1, "b": 2}]),
    ],
)
def test_fields_of_a_grant_hold_for_parts_of_an_answer(value: Any, path: Any, fields: Any, shown: Any) -> None:
    assert seen_through(value, path, fields) == shown


def test_why_a_fact_is_not_known_is_told_in_each_language(company: Small) -> None:
    """A worker finds facts in its own language; who reads the page may have another one."""
    row = Fact.objects.get(type__name="refund", name="order_number")
    row.title = {"en": "Order number", "zh-hant": "訂單編號"}
    row.save()
    case = company.go(company.receive(text="I want my money back"))
    named = {"en": "Not known: Order number.", "zh-hant": "不詳：訂單編號。"}
    assert case.facts["order_number"]["why"] == {"en": "The message does not say.", "zh-hant": "訊息沒有提及。"}
    assert case.facts["order"]["why"] == named
    may = User.objects.get(username="may")
    Person.objects.update_or_create(user=may, defaults={"language": "zh-hant"})
    client = Client()
    client.force_login(may)
    page = client.get(f"/cases/{case.number}/").content.decode()
    assert "</span> 訊息沒有提及。" in page and "</span> 不詳：訂單編號。" in page
