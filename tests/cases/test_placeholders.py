"""Placeholders: filled with their type where they stand alone, missing ones named."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cases.placeholders import fill, money, names
from cases.values import UNKNOWN

VALUES: dict[str, Any] = {
    "order": {"total": Decimal("480.00"), "items": [{"id": 1}, {"id": 2}], "on": date(2026, 11, 22)},
    "customer": {"name": "陳大文", "evil": "{order.total}"}, "none": None, "lost": UNKNOWN, "flag": True,
    "steps": {"work_out": {"amount": 5, "option": "full"}}, "refund#2": {"id": "r"}, "rate": Decimal("4.5"),
    "n": 3.0,
}  # fmt: skip


def test_it_names_every_placeholder() -> None:
    thing = {
        "a": "Dear {customer.name}, {{not}} {order.total}",
        "b": ["{steps.work_out.amount}", 5],
        "{key}": "{refund#2.id}",
    }
    assert names(thing) == {"customer.name", "order.total", "steps.work_out.amount", "refund#2.id"}


@pytest.mark.parametrize(
    ("thing", "filled"),
    [
        ("{order.total}", Decimal("480.00")), ("{order}", VALUES["order"]), ("{flag}", True),
        ("{order.items[*].id}", [1, 2]),
        ("{order.items[1].id}", 2), ("{steps.work_out.option}", "full"), ("{refund#2.id}", "r"),
        ("Total {order.total}", "Total 480.00"), ("on {order.on}", "on 2026-11-22"),
        ("ids {order.items[*].id}.", "ids 1, 2."),
        ("{customer.name}，你好", "陳大文，你好"), ("{{order.total}}", "{order.total}"),
        ("{{{order.total}}}", "{480.00}"),
        ('{"a": 1} { x }', '{"a": 1} { x }'), ("{flag} {n} {rate}", "true 3 4.50"), (" {flag}", " true"),
        ({"a": ["{n}", {"b": "{flag}"}], "c": 5}, {"a": [3.0, {"b": True}], "c": 5}), ("{order.items[0]}!",
        '{"id":1}!'),
    ],
)  # fmt: skip
def test_it_fills(thing: Any, filled: Any) -> None:
    assert fill(thing, VALUES) == (filled, set())


@pytest.mark.parametrize(
    "name", ["none", "lost", "gone", "order.gone", "order.items[9].id", "order.items[*].gone", "steps.x.y"]
)
def test_it_names_what_is_missing_and_leaves_it(name: str) -> None:
    assert fill("{" + name + "}", VALUES) == ("{" + name + "}", {name})
    assert fill({"a": "x {" + name + "} {flag}"}, VALUES) == ({"a": "x {" + name + "} true"}, {name})


def test_it_never_fills_what_a_value_says() -> None:
    assert fill("{customer.evil} {customer.evil}", VALUES)[0] == "{order.total} {order.total}"
    assert fill("{customer.evil}", VALUES)[0] == "{order.total}"


def test_it_does_not_reach_python() -> None:
    assert fill("{customer.__class__}", VALUES)[1] == {"customer.__class__"}
    assert fill("{customer.name.__class__.__mro__}", VALUES)[1]
    assert fill("{customer!r} {customer[name]} {0}", VALUES)[0] == "{customer!r} {customer[name]} {0}"


def test_it_writes_money_with_two_places() -> None:
    assert money(Decimal("480")) == "480.00"
    assert fill("at {t}", {"t": datetime(2026, 1, 2, 3, tzinfo=UTC)})[0] == "at 2026-01-02T03:00:00+00:00"


def test_it_refuses_to_go_down_without_end() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ValueError, match="deeper"):
        fill(deep, {})
