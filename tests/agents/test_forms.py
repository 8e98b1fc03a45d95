"""Typed entry fields from a schema: what is typed comes back with its type, or as an error at its field."""

from typing import Any

import pytest

from agents.forms import entries, number, problems, read

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "number", "maximum": 480},
        "pieces": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "channel": {"type": "string", "enum": ["sms", "mail"]},
        "text": {"type": "string"},
        "items": {"type": "array"},
    },
}


def test_types_survive() -> None:
    posted = {"amount": "1,480.50", "pieces": "3", "urgent": "on", "channel": "sms", "text": "a\r\nb", "items": "[1]"}
    found = read(entries(SCHEMA, {}), posted, SCHEMA)
    assert found == {"amount": 1480.5, "pieces": 3, "urgent": True, "channel": "sms", "text": "a\nb", "items": [1]}


def test_empty_optional_fields_are_left_out_and_needed_ones_say_so() -> None:
    fields = entries(SCHEMA, {})
    assert read(fields, {"text": "  "}, SCHEMA) == {"urgent": False}
    assert [field.argument for field in fields if field.error] == ["amount"]


@pytest.mark.parametrize("text", ["", "ten", "1e5", "NaN", "Infinity", "５００", "1_000", "--5"])
def test_odd_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        number(text)


@pytest.mark.parametrize(("text", "amount"), [("300", 300), ("HK$300.50", 300.5), (" 1,000 ", 1000), ("-5", -5)])
def test_numbers_are_read_as_people_type_them(text: str, amount: float) -> None:
    assert number(text) == amount


def test_limits_stand_beside_the_field_and_only_named_ones_are_made() -> None:
    fields = entries(SCHEMA, {"amount": 480}, prefix="edit.0.", only=["amount", "not there"])
    assert [(field.name, field.value, field.hint) for field in fields] == [("edit.0.amount", 480, "up to 480")]


def test_limits_of_an_amount_are_written_as_money() -> None:
    fields = entries(SCHEMA, {}, only=["amount"], money="amount", currency="HKD")
    assert fields[0].hint == "up to HK$480.00"
    assert problems(fields, SCHEMA, {"amount": 500}) == [("amount", "amount must be at most HK$480.00.")]
    assert fields[0].error == "amount must be at most HK$480.00."
