"""G06 and G07: arguments against the operation's schema, and names that must be exact."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.schemas import check, is_operation_name, problems_of_schema

REFUND = {
    "type": "object",
    "required": ["payment_id", "amount"],
    "additionalProperties": False,
    "properties": {
        "payment_id": {"type": "string", "minLength": 1},
        "amount": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
        "reason": {"type": "string", "maxLength": 10},
        "lines": {"type": "array", "maxItems": 2, "items": {"type": "object", "required": ["id"]}},
        "on": {"type": "string", "format": "date"},
        "speed": {"enum": ["slow", "fast"]},
    },
}
GOOD = {"payment_id": "p1", "amount": 300}


@pytest.mark.parametrize(
    "amount",
    [300, 1, Decimal("300.00"), Decimal("0.01"), 0.1, Decimal("0.1"), 1e2, 19.99, 2**63, Decimal("1E+3")],
)
def test_a_plain_amount_fits(amount: object) -> None:
    assert check(REFUND, GOOD | {"amount": amount}) == []


@pytest.mark.parametrize(
    "amount",
    [
        "500", "HK$500", "５００", -500, 0, Decimal("0.00"), Decimal("0.001"), 0.1 + 0.2, float("nan"),
        float("inf"),
        Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN"), Decimal("1E+99999999"), Decimal("1E-99999999"),
        10**4000, True, None, [500], {"amount": 500}, b"5", 5j,
    ],
)  # fmt: skip
def test_an_odd_amount_does_not_fit(amount: object) -> None:
    assert check(REFUND, GOOD | {"amount": amount})


def test_bounds_are_compared_exactly_and_not_as_floats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number", "minimum": 0.1, "maximum": 0.3}}}
    assert check(schema, {"a": Decimal("0.1")}) == check(schema, {"a": Decimal("0.3")}) == []
    assert check(schema, {"a": Decimal("0.30000000000000000001")})
    assert check({"type": "object", "properties": {"a": {"enum": [0.1]}}}, {"a": Decimal("0.10")}) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"payment_id": 5}, "payment_id must be text."),
        ({"payment_id": ""}, "payment_id must have at least 1 characters."),
        ({"amount": -1}, "amount must be more than 0."),
        ({"amount": "1"}, "amount must be a number."),
        ({"colour": "red"}, "colour is not an argument of this operation."),
        ({"reason": "x" * 11}, "reason must have at most 10 characters."),
        ({"lines": [{"id": 1}, {}]}, "lines[1].id is missing."),
        ({"lines": [1]}, "lines[0] must be an object."),
        ({"on": "2026-13-01"}, "on must be written as date."),
        ({"speed": "warp"}, "speed must be one of: slow, fast."),
    ],
)
def test_it_says_what_is_wrong_and_where(changes: dict[str, Any], words: str) -> None:
    assert check(REFUND, GOOD | changes) == [words]


def test_it_names_everything_that_is_missing() -> None:
    assert check(REFUND, {}) == ["payment_id is missing.", "amount is missing."]


def test_it_never_shows_a_value() -> None:
    secret = "canary-7f3a91c2"
    arguments = dict.fromkeys(REFUND["properties"], secret) | {"amount": [secret]}  # type: ignore[union-attr, attr-defined]
    assert secret not in " ".join(check(REFUND, arguments))


@pytest.mark.parametrize("arguments", [None, [], "text", 5, [["payment_id", "p1"]]])
def test_arguments_that_are_no_object_are_refused(arguments: object) -> None:
    assert check(REFUND, arguments)


def test_what_cannot_be_stored_is_refused_by_name() -> None:
    for odd in ("a\0b", "\ud800"):
        assert check(REFUND, GOOD | {"reason": odd}) == ["reason holds a character that cannot be stored."]
        assert check(REFUND, GOOD | {odd: 1})


def test_huge_and_deep_arguments_are_refused_quickly() -> None:
    deep: Any = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert check({"type": "object"}, deep)
    assert check({"type": "object"}, {"a": [0] * 50_000})
    assert len(check(REFUND, GOOD | {f"x{n}": n for n in range(1_000)})) == 20


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", ["2026-09-01"], ["2026-9-1", "20260901", "2026-02-30", "２０２６-09-01", "x"]),
        (
            "date-time",
            ["2026-09-01T10:00:00Z", "2026-09-01T10:00:00.123456789+08:00"],
            ["2026-09-01", "2026-09-01T10:00:00"],
        ),
        ("time", ["10:00:00Z"], ["10:00", "25:00:00Z"]),
        ("email", ["a@b.example"], ["a", "a@", "@b", "a b@c", "a@b..c", "a\n@b.c"]),
        ("uri", ["https://a.example/x"], ["a.example", "/x", "http://a b", "http://[1"]),
        ("uuid", ["0189c1c8-5b2e-7c59-9f2f-0d8e5a0f7a11"], ["x", "{0189c1c8-5b2e-7c59-9f2f-0d8e5a0f7a11}"]),
        ("ipv4", ["1.2.3.4"], ["1.2.3", "01.2.3.4", "1.2.3.256"]),
        ("ipv6", ["::1"], ["1.2.3.4", ":::1"]),
    ],
)
def test_formats_are_checked(name: str, good: list[str], bad: list[str]) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "format": name}}}
    assert [text for text in good if check(schema, {"x": text})] == []
    assert [text for text in bad if not check(schema, {"x": text})] == []


def test_a_pattern_is_judged_in_linear_time_and_to_the_very_end() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    assert check(schema, {"x": "aaa"}) == []
    assert check(schema, {"x": "aaa\n"})
    assert check(schema, {"x": "a" * 50_000 + "!"})


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {},
        {"type": "string"},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"a": {"type": "strnig"}}},
        {"type": "object", "properties": {"a": {"pattern": "(?=x)"}}},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
        {"type": "object", "patternProperties": {"x": {}}},
        {"type": "object", "$id": "https://evil.example/schema"},
        {"type": "object", "properties": {"a": {"$ref": "https://evil.example/schema"}}},
        {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"$dynamicRef": "#x"}}},
        {"type": "object", "properties": {"a": {1, 2}}},
        {"type": "object", "description": "x" * 100_000},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/d0"}},
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)} | {"d30": {}},
        },
    ],
)
def test_a_schema_that_cannot_be_used_is_found_and_refuses_everything(schema: Any) -> None:
    assert problems_of_schema(schema)
    assert check(schema, {})


def test_references_inside_the_schema_work() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/money"}},
        "$defs": {"money": {"type": "number", "minimum": 1}},
    }
    assert problems_of_schema(schema) == []
    assert check(schema, {"a": 1}) == []
    assert check(schema, {"a": 0}) == ["a must be at least 1."]


def test_a_schema_changed_in_place_counts_at_once() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"maximum": 1}}}
    assert check(schema, {"a": 2})
    schema["properties"]["a"]["maximum"] = 3
    assert check(schema, {"a": 2}) == []


@given(
    st.dictionaries(
        st.sampled_from([*REFUND["properties"], "other"]),  # type: ignore[misc]
        st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.lists(st.integers()),
    )
)
def test_whatever_comes_in_there_is_an_answer_and_what_passes_has_the_right_kinds(
    arguments: dict[str, Any],
) -> None:
    if check(REFUND, arguments):
        return
    assert set(arguments) <= set(REFUND["properties"])  # type: ignore[arg-type]
    assert isinstance(arguments["payment_id"], str)
    assert not isinstance(arguments["amount"], bool | str)
    assert arguments["amount"] > 0


@pytest.mark.parametrize("name", ["payments.refund", "crm2.get-one", "a.b_c"])
def test_a_plain_name_is_a_name(name: str) -> None:
    assert is_operation_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Payments.refund", "payments.refund ", " payments.refund", "payments.refund\n", "раyments.refund",
        "payments․refund",
        "payments.réfund", "payments.re\u200bfund", "payments", "payments.", ".refund",
        "payments.refund.x", "", None, 5,
        "ｐayments.refund",
    ],
)  # fmt: skip
def test_a_look_alike_is_not_a_name(name: object) -> None:
    assert not is_operation_name(name)
