"""Links to records: only to where the pattern says, whatever the values hold; and where they show."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from agents.models import Operation, System
from agents.record_links import link, problem
from cases.values import UNKNOWN
from tests.company import small
from tests.world import World, build

SHOP = "https://shop.example.com/orders/{number}?tab={tab}#{number}"


@pytest.mark.parametrize(
    "pattern",
    [
        "http://shop.example.com/{number}",
        "javascript:alert({number})",
        "data:text/html,{number}",
        "//shop.example.com/{number}",
        "/orders/{number}",
        "https://{number}.example.com/",
        "https://{number}/",
        "https://{number}@shop.example.com/",
        "https://user:secret@shop.example.com/",
        "https://shop.example.com:{number}/",
        "https:///orders/{number}",
        "https://shop.example.com\\@evil.example/",
        "https://shop.example.com/ x",
        "https://shop.example.com/\nx",
        "https://[shop/",
        "https://shop.example.com:99999/",
        "",
    ],
)
def test_a_pattern_that_leads_nowhere_sure_is_refused(pattern: str) -> None:
    assert problem(pattern)
    assert link(pattern, {"number": "1"}) == ""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8001", "[::1]:8001"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert link(f"http://{host}/orders/{{number}}", {"number": 7}) == f"http://{host}/orders/7"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("88213", "88213"),
        (88213, "88213"),
        (Decimal("480.00"), "480.00"),
        ("a/b", "a%2Fb"),
        ("../admin", "..%2Fadmin"),
        ("x?y=1&z#w", "x%3Fy%3D1%26z%23w"),
        ('"><script>', "%22%3E%3Cscript%3E"),
        ("陳", "%E9%99%B3"),
        ("{tab}", "%7Btab%7D"),
        ("@evil.example", "%40evil.example"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
    ],
)
def test_a_value_stays_one_part_of_the_address(value: Any, encoded: str) -> None:
    made = link(SHOP, {"number": value, "tab": "t"})
    assert made == f"https://shop.example.com/orders/{encoded}?tab=t#{encoded}"


@pytest.mark.parametrize("value", [None, UNKNOWN, "", " ", ".", "..", [1], {"id": 1}, "x" * 3000])
def test_without_a_value_there_is_no_link(value: Any) -> None:
    assert link(SHOP, {"number": value, "tab": "t"}) == ""
    assert link(SHOP, {"tab": "t"}) == ""


def test_the_record_that_was_read_can_be_named() -> None:
    assert link("https://p.example.com/{record.items[0].id}", {"record": {"items": [{"id": "A 1"}]}}) == (
        "https://p.example.com/A%201"
    )


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    world = build()
    System.objects.filter(name="orders").update(page="https://shop.example.com/customers/{request.customer}")
    Operation.objects.filter(name="orders.get").update(page="https://shop.example.com/orders/{order_number}")
    for name in ("order_number", "order_total", "customer_id"):
        world.case.facts[name]["source"] = "orders.get"
    world.case.save()
    return world


def links(page: str) -> list[str]:
    return re.findall(r'<a class="small" href="(https://[^"]+)" target="_blank" rel="noopener noreferrer">', page)


def page_of(world: World, path: str) -> str:
    client = Client()
    client.force_login(world.manager)
    return client.get(path).content.decode()


def test_the_case_shows_each_record_once(world: World) -> None:
    page = page_of(world, f"/cases/{world.case.number}/")
    assert links(page) == ["https://shop.example.com/orders/88213"]
    assert "Open in Orders" in page


def test_the_fallback_card_opens_the_system_of_a_step(world: World) -> None:
    assert links(page_of(world, f"/cases/{world.case.number}/by-hand/")) == ["https://shop.example.com/customers/CU-77"]


def test_evidence_shows_the_link_it_was_read_with_and_no_other_kind(world: World) -> None:
    first, second, third = world.proposal.evidence
    first["link"], second["link"] = "https://shop.example.com/orders/88213", "javascript:alert(1)"
    third["link"] = "http://shop.example.com/"
    world.proposal.save(update_fields=["evidence"])
    page = page_of(world, f"/approvals/{world.approval.pk}/")
    assert links(page) == ["https://shop.example.com/orders/88213"]
    assert "javascript:" not in re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL)


def test_the_link_is_made_when_the_evidence_is_read(db: None) -> None:
    with small() as company:
        for name in Operation.objects.filter(kind="read").values_list("name", flat=True):
            company.change(name, page="https://shop.example.com/customers/{request.customer}")
        _case, approval = company.waiting()
        looked_up = [row for row in approval.proposal.evidence if row["operation"]]
        assert looked_up and all(row["link"].startswith("https://shop.example.com/customers/") for row in looked_up)
        assert not [row["link"] for row in approval.proposal.evidence if not row["operation"] and row["link"]]
